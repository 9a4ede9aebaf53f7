import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { repositoryRoot } from '../../cluster/binaries.ts'
import { accessYaml } from '../../guard/access-manifests.ts'
import { makePair } from '../../unit/webhook/make-pair.ts'

type Process = 'operator' | 'issuer' | 'webhook' | 'guard' | 'authorizer'
interface Asked {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

let folder: string
let taken: Server
let takenPort: string
const children: ChildProcess[] = []
const inFolder = (name: string): string => join(folder, name)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'process-exits-'))
  await writeFile(inFolder('access.yaml'), accessYaml())
  await writeFile(inFolder('edge.secret'), 's'.repeat(40))
  await writeFile(
    inFolder('peers.yaml'),
    'peers: [{ name: edge, proxy: Nginx, services: [shop/orders], secretFile: edge.secret }]',
  )
  const cluster = { name: 'c', cluster: { server: 'https://127.0.0.1:1' } }
  const context = { name: 'c', context: { cluster: 'c', user: 'c' } }
  const config = { clusters: [cluster], contexts: [context], users: [{ name: 'c', user: {} }], 'current-context': 'c' }
  await writeFile(inFolder('kubeconfig'), JSON.stringify(config))
  const [{ cert }, { key }] = await Promise.all([makePair(), makePair()])
  await writeFile(inFolder('tls.crt'), cert)
  await writeFile(inFolder('tls.key'), key)
  taken = createServer().listen(0, '::')
  await new Promise(resolve => taken.once('listening', resolve))
  takenPort = String((taken.address() as AddressInfo).port)
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  taken.close()
  await rm(folder, { recursive: true, force: true })
})

interface Running {
  readonly child: ChildProcess
  /** All that it wrote. */
  said(): string
  readonly exited: Promise<number | null>
}

/** `latchkey <process>`, with no variable of this one's. */
function start(name: Process, { args = [], env = {} }: Asked): Running {
  const child = spawn(process.execPath, [join(repositoryRoot, 'cli/latchkey.ts'), name, ...args], { env })
  children.push(child)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', piece => (said += piece))
  return { child, said: () => said, exited: new Promise(resolve => child.on('close', resolve)) }
}

const inCluster = (more: Record<string, string>): Asked => ({
  env: {
    LATCHKEY_NAMESPACE: 'latchkey-system',
    LATCHKEY_FULLNAME: 'latchkey',
    LATCHKEY_ISSUER_URL: 'https://latchkey-issuer.latchkey-system.svc/default',
    LATCHKEY_KUBECONFIG: inFolder('kubeconfig'),
    LATCHKEY_HEALTH_PORT: '0',
    ...more,
  },
})
const operator = (more: Record<string, string>) => inCluster({ LATCHKEY_POD_NAME: 'operator-0', ...more })
const issuer = (more: Record<string, string>) =>
  inCluster({ LATCHKEY_PORT: '0', LATCHKEY_SNAPSHOT_PORT: '0', LATCHKEY_TOKEN_PORT: '0', ...more })
const webhook = (more: Record<string, string>) =>
  inCluster({
    LATCHKEY_PORT: '0',
    LATCHKEY_GUARD_IMAGE: 'latchkey:0.1.0',
    LATCHKEY_SNAPSHOT_URL: 'https://latchkey-issuer.latchkey-system.svc:8444',
    LATCHKEY_GUARD_RESOURCES: '{}',
    ...more,
  })
const guard = (more: Record<string, string>, env: Record<string, string> = {}): Asked => {
  const own = { manifests: inFolder('access.yaml'), service: 'shop/orders', upstream: 'http://127.0.0.1:1' }
  return { args: options({ ...own, listen: '127.0.0.1:0', ...more }), env }
}
const authorizer = (more: Record<string, string>, env: Record<string, string> = {}): Asked => {
  const own = { manifests: inFolder('access.yaml'), peers: inFolder('peers.yaml') }
  return { args: options({ ...own, listen: '127.0.0.1:0', ...more }), env }
}
const options = (named: Record<string, string>): string[] =>
  Object.entries(named).map(([name, value]) => `--${name}=${value}`)
const sidecar = (): Asked => ({
  env: {
    LATCHKEY_SERVICE: 'shop/orders',
    LATCHKEY_UPSTREAM: 'http://127.0.0.1:1',
    LATCHKEY_SNAPSHOT_URL: 'https://127.0.0.1:1',
    LATCHKEY_SNAPSHOT_FILE: inFolder('snapshot.json'),
    LATCHKEY_CA_FILE: inFolder('tls.crt'),
    LATCHKEY_TOKEN_FILE: inFolder('edge.secret'),
    LATCHKEY_LISTEN: '127.0.0.1:0',
    LATCHKEY_ADMIN_LISTEN: '127.0.0.1:0',
    LATCHKEY_TLS_CERT_FILE: inFolder('tls.crt'),
    LATCHKEY_TLS_KEY_FILE: inFolder('tls.key'),
  },
})

// Each starts a process of its own, which takes its time on a busy machine.
describe('a process ends', { timeout: 60_000 }, () => {
  it.each<[Process, string, () => Asked, string]>([
    ['operator', 'no such kubeconfig', () => operator({ LATCHKEY_KUBECONFIG: '/no/such' }), '/no/such'],
    ['issuer', 'no such kubeconfig', () => issuer({ LATCHKEY_KUBECONFIG: '/no/such' }), '/no/such'],
    ['webhook', 'no such kubeconfig', () => webhook({ LATCHKEY_KUBECONFIG: '/no/such' }), '/no/such'],
    ['guard', 'no such manifests', () => guard({ manifests: '/no/such' }), '/no/such'],
    ['guard', 'an audit log in no folder', () => guard({ audit: '/no/such/log' }), '/no/such/log'],
    ['guard', 'no such level', () => guard({}, { LATCHKEY_LOG_LEVEL: 'loud' }), 'LATCHKEY_LOG_LEVEL: expected one of'],
    ['guard', 'a key of another certificate', sidecar, 'are no certificate with its key'],
    ['authorizer', 'no such peers', () => authorizer({ peers: '/no/such' }), '/no/such'],
    ['authorizer', 'no such level', () => authorizer({}, { LATCHKEY_LOG_LEVEL: 'x' }), 'LATCHKEY_LOG_LEVEL: expected'],
  ])('%s with 2, and a sentence, where it is given %s', async (name, _, asked, sentence) => {
    const one = start(name, asked())
    expect(await one.exited, one.said()).toBe(2)
    expect(one.said()).toContain(sentence)
    expect(one.said()).not.toContain('    at ')
  })

  it.each<[Process, () => Asked]>([
    ['operator', () => operator({ LATCHKEY_HEALTH_PORT: takenPort })],
    ['issuer', () => issuer({ LATCHKEY_HEALTH_PORT: takenPort })],
    ['webhook', () => webhook({ LATCHKEY_HEALTH_PORT: takenPort })],
    ['guard', () => guard({ listen: `:${takenPort}` })],
    ['authorizer', () => authorizer({ listen: `:${takenPort}` })],
  ])('%s with 1 where its port is taken: a fault, and none of its settings', async (name, asked) => {
    const one = start(name, asked())
    expect(await one.exited, one.said()).toBe(1)
    expect(one.said()).toContain('EADDRINUSE')
  })

  // All that have begun are stopped in the tests of their own processes.
  it.each<[Process, () => Asked, string]>([
    ['issuer', () => issuer({}), '"server":"public"'],
    ['guard', () => guard({}), 'manifests in force'],
    ['authorizer', () => authorizer({}), 'manifests in force'],
  ])('%s with 0 where it is stopped, also while it starts', async (name, asked, begun) => {
    const one = start(name, asked())
    await expect.poll(one.said).toContain(begun)
    one.child.kill('SIGTERM')
    expect(await one.exited, one.said()).toBe(0)
  })
})
