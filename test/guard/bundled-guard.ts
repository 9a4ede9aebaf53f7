import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { bundle } from '../../bundling/bundle.ts'

/** On SIGHUP a guard tells which of Node's own modules it has loaded, and whether Maglev would compile a function. */
const tells = `process.on('SIGHUP', () => {
  const add = (a, b) => a + b;
  %PrepareFunctionForOptimization(add);
  add(1, 2);
  %OptimizeMaglevOnNextCall(add);
  add(1, 2);
  process._rawDebug(JSON.stringify({ modules: process.moduleLoadList, maglev: %ActiveTierIsMaglev(add) }))
})`

/** The guard as it ships: bundled, and started as a process of its own. */
export interface BundledGuard {
  look(): Promise<{
    /** Names of Node's modules that are loaded now, such as `http2` and `internal/deps/undici/undici`. */
    readonly modules: ReadonlySet<string>
    readonly maglev: boolean
  }>
  stop(): Promise<void>
}

/** A folder with the bundles that `latchkey guard` needs. */
export async function bundleGuard(): Promise<{ directory: string; remove(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-bundle-'))
  await Promise.all((['latchkey', 'guard', 'manifests'] as const).map(name => bundle(name, directory)))
  return { directory, remove: () => rm(directory, { recursive: true, force: true }) }
}

/** Starts it and waits until it guards. @throws Error with what it said when it ends instead */
export async function startBundled(
  directory: string,
  { args, env }: { args: readonly string[]; env?: Readonly<Record<string, string>> },
): Promise<BundledGuard> {
  const preload = `data:text/javascript,${encodeURIComponent(tells)}`
  const flags = ['--allow-natives-syntax', '--import', preload]
  const child = spawn(process.execPath, [...flags, join(directory, 'latchkey.mjs'), 'guard', ...args], {
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log: string[] = []
  const lines = [child.stdout, child.stderr].map(input => createInterface({ input }))
  for (const each of lines) each.on('line', line => log.push(line))
  await new Promise<void>((resolve, reject) => {
    for (const each of lines) each.on('line', line => line.includes('"guarding"') && resolve())
    child.once('exit', () => reject(new Error(`the guard ended:\n${log.join('\n')}`)))
  })
  return {
    async look() {
      child.kill('SIGHUP')
      const told = await new Promise<string>(resolve =>
        lines[1]?.on('line', line => line.startsWith('{"modules"') && resolve(line)),
      )
      const { modules, maglev } = JSON.parse(told) as { modules: string[]; maglev: boolean }
      const names = modules.flatMap(name => (name.startsWith('NativeModule ') ? [name.slice(13)] : []))
      return { modules: new Set(names), maglev }
    },
    stop: () => stop(child),
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
