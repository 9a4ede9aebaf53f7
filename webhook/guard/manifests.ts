import { stat } from 'node:fs/promises'
import { snapshotOfRows } from '../../core/snapshot/snapshot-of-rows.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/log.ts'
import { manifestPaths } from '../../platform/manifest-paths.ts'
import { compileApart } from './compile/compile-apart.ts'
import type { Policy } from './policy.ts'

/** A policy from files, without a cluster. */
export interface ManifestsSource {
  /** @throws Error that lists every mistake of the files */
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
}

/** The same snapshot as a cluster would send, compiled from YAML in a process of its own. */
export function createManifests(options: ManifestsOptions): ManifestsSource {
  const { path, policy, clock, log, intervalMs = 500 } = options
  let fingerprint = ''
  let good = false
  let told = ''
  let cancel: (() => void) | undefined
  let stopped = false

  async function load(): Promise<void> {
    const { service, issuer, installation } = options
    const now = clock.wallMs() / 1_000
    const { rows, problems, mistakes } = await compileApart({ path, service, issuer, installation, now })
    if (mistakes.length > 0) throw new Error(`manifests:\n  ${mistakes.join('\n  ')}`)
    const snapshot = snapshotOfRows(rows)
    if (!snapshot) throw new Error(`manifests:\n  ${problems.join('\n  ')}`)
    const problemText = problems.join('\n')
    if (problemText !== told) for (const problem of problems) log.warn({ problem }, 'a manifest does less than it says')
    told = problemText
    if (snapshot.hash === policy.snapshot()?.hash) return
    policy.replace(snapshot)
    log.info({ revision: snapshot.revision, audience: snapshot.service?.audience }, 'manifests in force')
  }

  async function look(): Promise<void> {
    try {
      const now = await fingerprintOf(path)
      if (now !== fingerprint) {
        fingerprint = now
        good = false
        await load()
        good = true
      }
      if (good) policy.confirm()
    } catch (error) {
      log.error({ mistakes: (error as Error).message }, 'manifests not taken over; the last good ones stay in force')
    }
    if (!stopped) cancel = clock.after(intervalMs, () => void look())
  }

  return {
    async load() {
      fingerprint = await fingerprintOf(path)
      await load()
      good = true
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
