import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Access, issuer, service } from './access.ts'
import { endWithUs } from './end-with-us.ts'

/** What the judge needs of an audit line. */
export interface Decided {
  readonly decision: 'allow' | 'deny'
  readonly reason: string
  readonly clientId?: string
  readonly method?: string
  readonly path?: string
  readonly requestId: string
  readonly peer: string
  readonly event?: string
}

/** A guard, or what is put in its place to see whether the judge notices. */
export interface RunningGuard {
  readonly port: number
  /** Resolves when it has ended, with how. */
  readonly ended: Promise<string>
  stop(): Promise<void>
}

export interface GuardEvents {
  decided(line: Decided): void
  /** A line of its log at level error or above. */
  complained(line: string): void
}

export type StartGuard = (upstreamPort: number, access: Access, events: GuardEvents) => Promise<RunningGuard>

/** Starts the guard as its users do, by its command line, from this main file. */
export function guardAt(main: string): StartGuard {
  return async (upstreamPort, access, events) => {
    const folder = await mkdtemp(join(tmpdir(), 'latchkey-fuzz-'))
    await access.writeTo(folder)
    const args = ['--manifests', folder, '--service', service, '--issuer', issuer, '--audit', '-']
    const where = ['--upstream', `http://127.0.0.1:${upstreamPort}`, '--listen', '127.0.0.1:0']
    const child = spawn(process.execPath, [main, ...args, ...where], { stdio: ['ignore', 'pipe', 'pipe'] })
    endWithUs(child)
    createInterface({ input: child.stdout }).on('line', line => events.decided(JSON.parse(line)))
    let tail = ''
    const ended = new Promise<string>(resolve => {
      child.on('exit', (code, signal) => resolve(`exit ${code ?? signal}: ${tail}`))
    })
    const port = await new Promise<number>((resolve, reject) => {
      void ended.then(how => reject(new Error(`the guard did not start: ${how}`)))
      createInterface({ input: child.stderr }).on('line', line => {
        tail = `${tail}\n${line}`.slice(-4_000)
        const listening = /"port":(\d+)/.exec(line)
        if (listening) resolve(Number(listening[1]))
        if (!/"level":"?(trace|debug|info|warn|[1-4]0)\b/.test(line)) events.complained(line)
      })
    })
    return {
      port,
      ended,
      async stop() {
        child.kill('SIGKILL')
        await ended
        await rm(folder, { recursive: true, force: true })
      },
    }
  }
}
