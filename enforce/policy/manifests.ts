import { stat } from 'node:fs/promises'
import { makingSnapshot } from '../../core/snapshot/snapshot-of-rows.ts'
import type { Clock } from '../../platform/clock.ts'
import { driven } from '../../platform/drive-steps.ts'
import type { Logger } from '../../platform/log.ts'
import { manifestPaths } from '../../platform/manifest-paths.ts'
import { SettingsError } from '../../platform/process-exit.ts'
import { compileApart } from './compile/compile-apart.ts'
import type { Policy } from './policy.ts'

/** A policy from files, without a cluster. */
export interface ManifestsSource {
  /** @throws SettingsError that lists every mistake of the files */
  load(): Promise<void>
  /** From now on changes of the files are taken over; a broken edit is told and changes nothing. */
  follow(): void
  stop(): void
}

export interface ManifestsOptions {
  /** Folder of YAML and JSON files, or one file. */
  path: string
  /** `namespace/name` of the GuardedService. */
  service: string
  issuer: string
  installation: string
  policy: Policy
  clock: Clock
  log: Logger
  intervalMs?: number
  compile?: typeof compileApart
  /** In [0, 1). */
  random?: () => number
}

const longestRetryMs = 30_000

/** The same snapshot as a cluster would send, compiled from YAML in a process of its own. */
export function createManifests(options: ManifestsOptions): ManifestsSource {
  const { path, policy, clock, log, intervalMs = 500, compile = compileApart, random = Math.random } = options
  /** Of the files that are in force. */
  let loaded = ''
  /** Of the files that were not taken over, with when and how often. */
  let failed = { fingerprint: '', retryAt: 0, times: 0 }
  let told = ''
  let complained = ''
  let cancel: (() => void) | undefined
  let stopped = false

  async function load(fingerprint: string): Promise<void> {
    const { service, issuer, installation } = options
    const now = clock.wallMs() / 1_000
    const { rows, problems, mistakes } = await compile({ path, service, issuer, installation, now })
    if (mistakes.length > 0) throw new SettingsError(`manifests:\n  ${mistakes.join('\n  ')}`)
    const snapshot = await driven(makingSnapshot(rows))
    if (!snapshot) throw new SettingsError(`manifests:\n  ${problems.join('\n  ')}`)
    // Only now: what was a fault of the moment is read again though no file changed.
    loaded = fingerprint
    const problemText = problems.join('\n')
    if (problemText !== told) for (const problem of problems) log.warn({ problem }, 'a manifest does less than it says')
    told = problemText
    if (snapshot.hash === policy.snapshot()?.hash) return
    policy.replace(snapshot)
    log.info({ revision: snapshot.revision, audience: snapshot.service?.audience }, 'manifests in force')
  }

  async function look(): Promise<void> {
    let fingerprint = ''
    try {
      fingerprint = await fingerprintOf(path)
      if (fingerprint !== loaded && isDue(fingerprint)) await load(fingerprint)
      if (fingerprint === loaded) {
        policy.confirm()
        failed = { fingerprint: '', retryAt: 0, times: 0 }
        complained = ''
      }
    } catch (error) {
      complain((error as Error).message)
      const times = failed.fingerprint === fingerprint ? failed.times + 1 : 1
      const pauseMs = Math.min(longestRetryMs, intervalMs * 2 ** times) * (1 + random() / 4)
      failed = { fingerprint, retryAt: clock.now() + pauseMs, times }
    }
    if (!stopped) cancel = clock.after(intervalMs, () => void look())
  }

  /** A change is looked at at once; the same files that failed, after longer and longer pauses. */
  function isDue(fingerprint: string): boolean {
    return fingerprint !== failed.fingerprint || clock.now() >= failed.retryAt
  }

  function complain(mistakes: string): void {
    if (mistakes !== complained) log.error({ mistakes }, 'manifests not taken over; the last good ones stay in force')
    complained = mistakes
  }

  return {
    async load() {
      await load(await fingerprintOf(path))
      policy.confirm()
    },
    follow() {
      cancel = clock.after(intervalMs, () => void look())
    },
    stop() {
      stopped = true
      cancel?.()
    },
  }
}

async function fingerprintOf(path: string): Promise<string> {
  const paths = await manifestPaths(path)
  const stats = await Promise.all(paths.map(file => stat(file)))
  return stats.map(({ mtimeMs, size, ino }, at) => `${paths[at]} ${mtimeMs} ${size} ${ino}`).join('\n')
}
