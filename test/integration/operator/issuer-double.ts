import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll } from 'vitest'
import type { EnforcementReport, GuardReport } from '../../../core/status/judge-enforcement.ts'
import { type SecretOf, textsOf } from '../../../operator/owned-objects.ts'
import type { KubeClient, KubeObject } from '../../../platform/kube/client.ts'
import { endpointSlices, secrets } from '../../../platform/kube/resources.ts'
import { type TestCluster, until } from './cluster.ts'

/** Stands where the issuer's replicas stand: over TLS, behind an EndpointSlice, with a report that a test decides. */
export interface IssuerDouble {
  /** Versions that the replica has seen; by default more than any. */
  seen: Record<string, string>
  guards: Record<string, GuardReport[]>
  hash: string
  /** When objects were used, by plural name and `namespace/name`: seconds since epoch. */
  used: Record<string, Record<string, number>>
  readonly asked: { path: string; authorization: string }[]
  stop(): void
}

export async function startIssuerDouble(client: KubeClient): Promise<IssuerDouble> {
  const latest = '99999999'
  const double: IssuerDouble = {
    seen: { accesskeys: latest, roles: latest, accessgrants: latest },
    guards: {},
    hash: 'a'.repeat(64),
    used: {},
    asked: [],
    stop: () => server.close(),
  }
  const files = textsOf(
    await until(() => client.get<SecretOf>(secrets, 'latchkey-system', 'latchkey-issuer-tls'), 'the certificate'),
  )
  const server: Server = createServer(
    { cert: files['tls.crt'] ?? '', key: files['tls.key'] ?? '' },
    (request, response) => {
      double.asked.push({ path: request.url ?? '', authorization: request.headers.authorization ?? '' })
      const slices = Object.fromEntries(
        Object.entries(double.guards).map(([key, guards]) => [key, { hash: double.hash, guards }]),
      )
      const report: EnforcementReport = { seen: double.seen, slices }
      const usage = { at: Math.floor(Date.now() / 1_000), used: double.used }
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(request.url?.startsWith('/v1/usage') ? usage : report))
    },
  )
  await new Promise<void>(resolve => server.listen(0, '0.0.0.0', resolve))
  server.unref()
  const slice = {
    metadata: {
      name: 'latchkey-issuer-1',
      namespace: 'latchkey-system',
      labels: { 'kubernetes.io/service-name': 'latchkey-issuer' },
    },
    addressType: 'IPv4',
    ports: [{ name: 'snapshots', port: (server.address() as AddressInfo).port }],
    endpoints: [{ addresses: [addressOfMachine()], conditions: { ready: true } }],
  }
  await client.create(endpointSlices, slice as KubeObject)
  return double
}

/** One for all tests of a file. It is there once they begin. */
export function issuerDoubleIn(cluster: Pick<TestCluster, 'client'>): () => IssuerDouble {
  let double: IssuerDouble
  beforeAll(async () => {
    double = await startIssuerDouble(cluster.client)
  })
  afterAll(() => double?.stop())
  return () => double
}

/** EndpointSlices may not hold loopback addresses. */
function addressOfMachine(): string {
  const all = Object.values(networkInterfaces()).flatMap(list => list ?? [])
  const found = all.find(one => one.family === 'IPv4' && !one.address.startsWith('127.'))
  if (!found) throw new Error('this machine has no address but loopback')
  return found.address
}
