import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer } from 'node:net'
import { until } from '../../test/cluster/progress.ts'

export interface PinnedProcess {
  readonly pid: number
  /** The end of what it wrote to standard error. */
  said(): string
  hasEnded(): boolean
  stop(): Promise<void>
}

export interface Program {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly core: number
  /** All of its environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** Starts a program on one core. Its standard output is dropped. */
export function startPinned({ command, args, core, env = {} }: Program): PinnedProcess {
  const pinned = ['--cpu-list', String(core), command, ...args]
  // taskset replaces itself by the program: the pid is the program's.
  const child = spawn('taskset', pinned, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH, ...env },
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000)
  })
  child.on('error', error => {
    said += error.message
  })
  return {
    pid: child.pid ?? -1,
    said: () => said,
    hasEnded: () => hasEnded(child),
    stop: () => stop(child),
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null
}

async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const kill = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await ended
  clearTimeout(kill)
}

/** Waits until the program takes connections. @throws Error with what it said when it ends or never does */
export async function untilListening(name: string, running: PinnedProcess, port: number): Promise<void> {
  const answers = (): Promise<boolean> => {
    if (running.hasEnded()) return Promise.resolve(true)
    return accepts(port)
  }
  await until(`${name} listens`, 60_000, answers, 10).catch(cause => {
    throw new Error(`${name} did not start:\n${running.said()}`, { cause })
  })
  if (running.hasEnded()) throw new Error(`${name} ended:\n${running.said()}`)
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection({ port, host: '127.0.0.1' })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** A port nobody uses now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
