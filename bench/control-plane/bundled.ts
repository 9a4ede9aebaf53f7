import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parse } from 'yaml'
import { repositoryRoot } from '../../test/cluster/binaries.ts'
import { until } from '../../test/cluster/progress.ts'
import { type Plane, releaseNamespace } from './plane.ts'

/** Operator or issuer as it ships: the bundle, with the chart's flags of Node and the files of a pod. */
export interface Bundled {
  readonly pid: number
  /** Of the server of this name. */
  port(server: string): number
  /** Its metrics as text. */
  metrics(): Promise<string>
  stop(): Promise<void>
}

export const issuerUrl = 'https://issuer.test/default'
const upWith = { operator: '"controllers run"', issuer: '"loaded"' } as const
// A mount namespace of its own: what it sees as its service account is seen by nobody else.
const enter =
  'mount -t tmpfs tmpfs /run && mkdir -p /run/secrets/kubernetes.io && cp -r "$0" /run/secrets/kubernetes.io/serviceaccount && exec "$@"'

/** Returns when it is up. @throws Error with what it said when it ends instead */
export async function startBundled(name: keyof typeof upWith, plane: Plane): Promise<Bundled> {
  const program = join(repositoryRoot, 'dist', `${name}.mjs`)
  if (!existsSync(program)) throw new Error(`there is no dist/${name}.mjs: run make build`)
  const { hostname, port: apiPort } = new URL(plane.url)
  const shell = ['sh', '-c', enter, plane.accountDirectory, process.execPath, program]
  const child = spawn('unshare', ['--mount', '--propagation', 'private', ...shell], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env.PATH,
      NODE_OPTIONS: nodeOptions(name),
      KUBERNETES_SERVICE_HOST: hostname,
      KUBERNETES_SERVICE_PORT: apiPort,
      LATCHKEY_NAMESPACE: releaseNamespace,
      LATCHKEY_FULLNAME: 'latchkey',
      LATCHKEY_ISSUER_URL: issuerUrl,
      LATCHKEY_HEALTH_PORT: '0',
      ...(name === 'operator'
        ? {
            LATCHKEY_POD_NAME: 'operator-0',
            LATCHKEY_TOKEN_FILE: join(plane.accountDirectory, 'token'),
            LATCHKEY_TLS_HOSTS: '127.0.0.1',
          }
        : { LATCHKEY_PORT: '0', LATCHKEY_SNAPSHOT_PORT: '0', LATCHKEY_TOKEN_PORT: '0' }),
    },
  })
  const lines: string[] = []
  const ports = new Map<string, number>()
  let isUp = false
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', line => {
      if (lines.push(line) > 1_000) lines.shift()
      if (line.includes(upWith[name])) isUp = true
      if (!line.includes('"listening"')) return
      const { server, port } = JSON.parse(line) as { server: string; port: number }
      ports.set(server, port)
    })
  }
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null
  const stop = async (): Promise<void> => {
    if (hasEnded()) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  const port = (server: string): number => ports.get(server) ?? 0
  try {
    await until(`${name} is up`, 120_000, () => isUp || hasEnded())
    if (hasEnded()) throw new Error(`${name} ended`)
  } catch (error) {
    await stop()
    throw new Error(`${(error as Error).message}:\n${lines.slice(-20).join('\n')}`)
  }
  return {
    pid: child.pid ?? 0,
    port,
    metrics: async () => (await fetch(`http://127.0.0.1:${port('health')}/metrics`)).text(),
    stop,
  }
}

function nodeOptions(name: string): string {
  const values = parse(readFileSync(join(repositoryRoot, 'charts/latchkey/values.yaml'), 'utf8'))
  return (values as Record<string, { nodeOptions: string }>)[name]?.nodeOptions ?? ''
}
