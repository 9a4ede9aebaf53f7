import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../machine/process.ts'
import { issuer, service } from '../policy/clients.ts'
import { type Contestant, type Place, startContestant } from './contestant.ts'
import { productCommand } from './product-command.ts'

/** A running authorizer, and how a proxy of each kind proves itself to it. */
export interface AuthorizerContestant extends Contestant {
  readonly port: number
  readonly grpcPort: number
  readonly secrets: { readonly nginx: string; readonly envoy: string }
}

/** `latchkey authorizer` without a cluster, in the clear; proxies prove themselves by a secret. */
export async function startAuthorizer(
  node: string,
  place: Place,
  policy: readonly object[],
): Promise<AuthorizerContestant> {
  const { command, args, nodeEnv } = productCommand(node)
  const directory = join(place.directory, 'authorizer')
  await mkdir(join(directory, 'manifests'), { recursive: true })
  const list = { apiVersion: 'v1', kind: 'List', items: policy }
  await writeFile(join(directory, 'manifests', 'policy.json'), JSON.stringify(list))
  const secrets = { nginx: 'n'.repeat(40), envoy: 'e'.repeat(40) }
  await writeFile(join(directory, 'nginx.secret'), secrets.nginx)
  await writeFile(join(directory, 'envoy.secret'), secrets.envoy)
  const peers = [
    { name: 'nginx', proxy: 'Nginx', services: [service], secretFile: 'nginx.secret' },
    { name: 'envoy', proxy: 'Envoy', services: [service], secretFile: 'envoy.secret' },
  ]
  await writeFile(join(directory, 'peers.yaml'), JSON.stringify({ peers }))
  const [port, grpcPort] = [await freePort(), await freePort()]
  const audit = join(directory, 'audit.log')
  const flags = {
    '--manifests': join(directory, 'manifests'),
    '--peers': join(directory, 'peers.yaml'),
    '--listen': `127.0.0.1:${port}`,
    '--grpc-listen': `127.0.0.1:${grpcPort}`,
    '--issuer': issuer,
    '--audit': audit,
  }
  const all = [...args, 'authorizer', ...Object.entries(flags).flat()]
  const program = { name: 'authorizer', command, args: all, core: place.core, env: nodeEnv }
  const contestant = await startContestant(program, port, audit)
  return { ...contestant, port, grpcPort, secrets }
}
