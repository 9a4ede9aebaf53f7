import { open, readFile, rename } from 'node:fs/promises'
import type { Clock } from '../../platform/clock.ts'
import type { Logger } from '../../platform/log.ts'
import type { Policy } from './policy.ts'
import type { Slice, StoredSlice } from './slice.ts'

/** The last good slice on the pod's disk: a guard that restarts while the issuer is away goes on from it. */
export interface SnapshotFile {
  /** Puts what is stored in force, with the age it has by now. Nothing stored, or nothing readable, is no error. */
  load(): Promise<void>
  /** Notes what is held, soon; several calls in a row make one write. */
  save(): void
  /** Notes that what is held was confirmed just now; cheap, at most every 30 s. */
  confirm(): void
  /** Resolves when what was noted is on disk. */
  settled(): Promise<void>
}

interface Stored extends StoredSlice {
  readonly version: 1
  readonly service: string
  /** Milliseconds since epoch. */
  readonly confirmedAt: number
}

const saveEveryMs = 1_000
const confirmEveryMs = 30_000
/** More than this in the future, and the time in the file says nothing about age. */
const clockToleranceMs = 300_000

export function createSnapshotFile(options: {
  path: string
  service: string
  slice: Slice
  policy: Policy
  clock: Clock
  log: Logger
}): SnapshotFile {
  const { path, service, slice, policy, clock, log } = options
  const contactPath = `${path}.contact`
  let work: Promise<void> = Promise.resolve()
  let waiting = false
  let confirmedMs = Number.NEGATIVE_INFINITY
  let savedMs = Number.NEGATIVE_INFINITY

  async function load(): Promise<void> {
    const stored = await readJson<Stored>(path)
    if (!stored) return
    if (stored.version !== 1 || stored.service !== service) {
      return log.warn({ file: path }, 'the stored snapshot is of another service or version and is not used')
    }
    try {
      const { rows, seen, hash } = stored
      if (slice.take({ full: { rows }, seen, hash }) !== 'applied') throw new Error('it does not add up to its hash')
    } catch (error) {
      return log.warn({ err: error, file: path }, 'the stored snapshot cannot be used')
    }
    const contact = await readJson<Pick<Stored, 'hash' | 'confirmedAt'>>(contactPath)
    const confirmedAt = Math.max(stored.confirmedAt, contact?.hash === stored.hash ? contact.confirmedAt : 0)
    const ageMs = clock.wallMs() - confirmedAt
    // A time that cannot be believed makes the policy as old as can be, until somebody confirms it.
    policy.confirm(ageMs >= -clockToleranceMs ? Math.max(0, ageMs) / 1_000 : Number.POSITIVE_INFINITY)
    log.info({ revision: stored.hash.slice(0, 12), ageSeconds: Math.round(ageMs / 1_000) }, 'stored snapshot in force')
  }

  function later(task: () => Promise<void>): void {
    work = work.then(task).catch((error: unknown) => {
      log.error({ err: error, file: path }, 'the snapshot cannot be stored; a restart without the issuer would deny')
    })
  }

  async function write(): Promise<void> {
    const held = slice.held()
    if (!held) return
    const stored: Stored = { version: 1, service, confirmedAt: clock.wallMs(), ...held }
    await replaceFile(path, JSON.stringify(stored))
    savedMs = clock.now()
    confirmedMs = savedMs
  }

  return {
    load,
    settled: async () => {
      while (waiting) await new Promise(resolve => setTimeout(resolve, 5))
      await work
    },
    save() {
      if (waiting) return
      waiting = true
      clock.after(Math.max(0, savedMs + saveEveryMs - clock.now()), () => {
        waiting = false
        later(write)
      })
    },
    confirm() {
      const hash = slice.hash()
      if (hash === undefined || clock.now() - confirmedMs < confirmEveryMs) return
      confirmedMs = clock.now()
      later(() => replaceFile(contactPath, JSON.stringify({ hash, confirmedAt: clock.wallMs() })))
    },
  }
}

/** Another file under the same name, or the old one: never half of it, also when the machine stops. */
async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
}

async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T
  } catch {
    return undefined
  }
}
