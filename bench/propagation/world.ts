import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KubeObject } from '../../platform/kube/client.ts'
import { configMaps, namespaces, roles, secrets } from '../../platform/kube/resources.ts'
import { createAuthority, createServerCertificate } from '../../platform/x509.ts'
import { addClient, addGrant, addService, type KeyPair } from '../../test/integration/issuer/objects.ts'
import { inFlight } from '../control-plane/in-flight.ts'
import { type Plane, releaseNamespace } from '../control-plane/plane.ts'
import { addGuardPod, type GuardPlace, writerOf } from '../control-plane/streaming-guard.ts'
import { namespace, sharedRole, watched } from './names.ts'

export const serviceCount = 100
export const guardsPerService = 10
const dayMs = 86_400_000
/** As the API server takes them. */
const most = { servicesPerRule: 16, clientsPerGrant: 256 }

export const serviceNames = Array.from({ length: serviceCount }, (_, at) => `service-${at}`)

export interface Client {
  readonly clientId: string
  readonly name: string
  readonly pair: KeyPair
}

export interface World {
  readonly caFile: string
  readonly clients: readonly Client[]
  readonly guards: readonly GuardPlace[]
  /** Resource version of what the peer watches. */
  readonly watchedFrom: string
  addGuard(service: string, pod: string): Promise<GuardPlace>
}

/** The shared role as it is after a change: all services, and one path that says which change. */
export function sharedRules(path: string): object {
  const groups = Array.from({ length: Math.ceil(serviceCount / most.servicesPerRule) }, (_, at) =>
    serviceNames.slice(at * most.servicesPerRule, (at + 1) * most.servicesPerRule),
  )
  return { spec: { rules: groups.map(services => ({ services, methods: ['GET'], paths: [path, '/api/**'] })) } }
}

/** Services, who may call them, and pods with guards, as operator and kubelets would leave them. */
export async function makeWorld(plane: Plane, clientCount: number): Promise<World> {
  const { client: admin, directory } = plane
  const writer = writerOf(admin)
  const tokens = join(directory, 'tokens')
  await mkdir(tokens)
  const caFile = join(directory, 'issuer-ca.crt')
  await writeFile(caFile, await makeCertificate(plane))
  await admin.create(namespaces, { metadata: { name: namespace } })

  await admin.create(roles, { metadata: { namespace, name: sharedRole }, ...sharedRules('/v/0') } as KubeObject)
  await inFlight(serviceCount, async at => {
    const name = serviceNames[at] as string
    await addService(writer, namespace, name)
    const rules = [{ services: [name], methods: ['GET'], paths: ['/own'] }]
    await admin.create(roles, { metadata: { namespace, name }, spec: { rules } } as KubeObject)
  })
  const clients: Client[] = []
  await inFlight(clientCount, async at => {
    const { name, clientId, pair } = await addClient(writer, namespace, `client-${at}`)
    clients[at] = { name, clientId, pair }
  })
  const placed = clients.map(({ name, clientId }) => ({ namespace, name, clientId }))
  for (let from = 0; from < placed.length; from += most.clientsPerGrant) {
    const some = placed.slice(from, from + most.clientsPerGrant)
    await addGrant(writer, namespace, `shared-${from}`, sharedRole, some)
  }
  await inFlight(serviceCount, async at => {
    const name = serviceNames[at] as string
    await addGrant(writer, namespace, name, name, placed.slice(0, 1))
  })

  const addGuard = (service: string, name: string): Promise<GuardPlace> =>
    addGuardPod(admin, tokens, { namespace, service, name })
  const guards: GuardPlace[] = []
  await inFlight(serviceCount * guardsPerService, async at => {
    guards[at] = await addGuard(serviceNames[at % serviceCount] as string, `pod-${at}`)
  })
  const { metadata } = await admin.create<KubeObject>(configMaps, { metadata: { namespace, name: watched } })
  return { caFile, clients, guards, watchedFrom: metadata.resourceVersion ?? '0', addGuard }
}

/** The issuer's, where it looks for it. @returns its authority's, PEM */
async function makeCertificate({ client }: Plane): Promise<string> {
  const now = new Date()
  const authority = await createAuthority({ commonName: 'bench', now, lifetimeMs: dayMs })
  const hosts = ['issuer.test', '127.0.0.1']
  const { certificate, privateKey } = await createServerCertificate({ authority, hosts, now, lifetimeMs: dayMs })
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  await client.create(secrets, {
    metadata: { name: 'latchkey-issuer-tls', namespace: releaseNamespace },
    data: { 'tls.crt': base64(certificate), 'tls.key': base64(privateKey) },
  } as KubeObject)
  return authority.certificate
}
