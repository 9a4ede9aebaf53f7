import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { repositoryRoot } from '../../cluster/binaries.ts'
import { accessYaml, manifestToken } from '../../guard/access-manifests.ts'
import { issuer } from '../../guard/policy-rows.ts'
import { startApp } from '../../guard/rig.ts'
import { startWorld } from '../issuer/world.ts'

export const processNames = ['guard', 'authorizer', 'issuer', 'operator', 'webhook'] as const
export type ProcessName = (typeof processNames)[number]

/** The five processes as they run in a cluster, each a process of its own, against one API server. */
export interface Processes {
  /** What Prometheus gets from one of them. */
  scrape(name: ProcessName): Promise<string>
  close(): Promise<void>
}

interface Child {
  readonly process: ChildProcess
  /** Port of /metrics. */
  readonly port: Promise<number>
}

export async function startProcesses(): Promise<Processes> {
  const world = await startWorld()
  const app = await startApp()
  const folder = await mkdtemp(join(tmpdir(), 'monitoring-'))
  await mkdir(join(folder, 'access'))
  await writeFile(join(folder, 'access/access.yaml'), accessYaml())
  await writeFile(join(folder, 'edge.secret'), 'edge'.padEnd(40, '.'))
  await writeFile(
    join(folder, 'peers.yaml'),
    'peers: [{ name: edge, proxy: Nginx, services: [shop/orders], secretFile: edge.secret }]',
  )
  const common = {
    LATCHKEY_NAMESPACE: 'latchkey-system',
    LATCHKEY_KUBECONFIG: world.plane.kubeconfig,
    LATCHKEY_HEALTH_PORT: '0',
    LATCHKEY_ISSUER_URL: issuer,
  }
  const guardArgs = [
    '--manifests',
    join(folder, 'access'),
    '--service',
    'shop/orders',
    '--issuer',
    issuer,
    '--audit',
    '/dev/null',
  ]
  const guardPorts = ['--upstream', `http://127.0.0.1:${app.port}`, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']
  const calls = Promise.withResolvers<number>()
  const children: Record<ProcessName, Child> = {
    guard: start('guard/main.ts', [...guardArgs, ...guardPorts], {}, line => {
      if (line.msg !== 'guarding') return undefined
      calls.resolve(Number(line.port))
      return line.adminPort
    }),
    authorizer: start('authorizer/main.ts', authorizerArgs(folder), {}, healthPort),
    issuer: start(
      'issuer/main.ts',
      [],
      { ...common, LATCHKEY_PORT: '0', LATCHKEY_SNAPSHOT_PORT: '0', LATCHKEY_TOKEN_PORT: '0' },
      healthPort,
    ),
    operator: start(
      'operator/main.ts',
      [],
      { ...common, LATCHKEY_FULLNAME: 'latchkey', LATCHKEY_POD_NAME: 'operator-0' },
      healthPort,
    ),
    webhook: start('webhook/main.ts', [], { ...common, ...webhookEnvironment }, healthPort),
  }
  const authorization = { authorization: `Bearer ${manifestToken()}` }
  const port = await calls.promise
  for (let call = 0; call < 2; call++) await fetch(`http://127.0.0.1:${port}/api/things`, { headers: authorization })

  return {
    async scrape(name) {
      return (await fetch(`http://127.0.0.1:${await children[name].port}/metrics`)).text()
    },
    async close() {
      await Promise.all(Object.values(children).map(({ process }) => ended(process)))
      await app.close()
      await world.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const authorizerArgs = (folder: string): string[] => [
  ...['--manifests', join(folder, 'access'), '--peers', join(folder, 'peers.yaml'), '--issuer', issuer],
  ...['--listen', '127.0.0.1:0', '--grpc-listen', '127.0.0.1:0', '--health', '127.0.0.1:0', '--audit', '/dev/null'],
]

const webhookEnvironment = {
  LATCHKEY_FULLNAME: 'latchkey',
  LATCHKEY_PORT: '0',
  LATCHKEY_GUARD_IMAGE: 'latchkey:dev',
  LATCHKEY_SNAPSHOT_URL: 'https://latchkey-issuer.latchkey-system.svc:8444',
}

type Line = Record<string, unknown>

const healthPort = (line: Line): unknown =>
  line.msg === 'listening' && line.server === 'health' ? line.port : undefined

function start(
  script: string,
  args: readonly string[],
  env: Record<string, string>,
  portIn: (line: Line) => unknown,
): Child {
  const child = spawn(process.execPath, [join(repositoryRoot, script), ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const port = new Promise<number>((resolve, reject) => {
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', text => {
        said = `${said}\n${text}`.slice(-4_000)
        const found = text.startsWith('{') ? portIn(JSON.parse(text) as Line) : undefined
        if (found !== undefined) resolve(Number(found))
      })
    }
    child.once('exit', () => reject(new Error(`${script} ended: ${said}`)))
  })
  // Looked at when it is asked for; a process that ends in the end is no error.
  port.catch(() => {})
  return { process: child, port }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGKILL')
  await exit
}
