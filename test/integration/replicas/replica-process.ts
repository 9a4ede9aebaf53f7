import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** How a replica stops: it dies at once, stands still as its node does, or is told to end. */
export const stops = ['SIGKILL', 'SIGTERM', 'SIGSTOP'] as const
export type Stop = (typeof stops)[number]

/** A replica as its pod runs it. */
export interface Replica {
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  /** Of the server of this name. */
  port(server: string): number
  /** What the kubelet is told; undefined when nobody answers it in time. */
  isReady(): Promise<boolean>
  metrics(): Promise<string>
}

/** Resolves when all its servers listen. */
export async function startReplica(
  name: 'issuer' | 'webhook',
  env: Readonly<Record<string, string>>,
  servers: number,
): Promise<Replica> {
  const main = fileURLToPath(new URL(`../../../${name}/main.ts`, import.meta.url))
  const child = spawn(process.execPath, [main], {
    env: { ...env, LATCHKEY_HEALTH_PORT: '0', LATCHKEY_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = new Promise<number | null>(resolve => child.once('exit', resolve))
  const ports = new Map<string, number>()
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', text => {
      const line = JSON.parse(text) as { msg: string; server?: string; port?: number }
      if (line.msg === 'listening') ports.set(line.server ?? '', line.port ?? 0)
      if (ports.size === servers) resolve()
    })
    void exited.then(code => reject(new Error(`${name} ended with ${code}`)))
  })
  const port = (server: string): number => ports.get(server) ?? 0
  const health = (path: string) =>
    fetch(`http://127.0.0.1:${port('health')}${path}`, { signal: AbortSignal.timeout(1_000) })
  return {
    child,
    exited,
    port,
    isReady: () =>
      health('/readyz').then(
        answer => answer.status === 200,
        () => false,
      ),
    metrics: async () => (await health('/metrics')).text(),
  }
}

/** Keeps a Service to the replicas that say that they are ready, a moment later as kubelet and kube-proxy do. */
export function followReadiness(
  replicas: () => readonly Replica[],
  lead: (ready: readonly Replica[]) => void,
): { stop(): void } {
  let stopped = false
  void (async () => {
    while (!stopped) {
      const all = replicas()
      const ready = await Promise.all(all.map(one => one.isReady()))
      lead(all.filter((_, at) => ready[at]))
      await new Promise(resolve => setTimeout(resolve, 200))
    }
  })()
  return {
    stop() {
      stopped = true
    },
  }
}
