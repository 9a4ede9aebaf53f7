import { createReadStream } from 'node:fs'
import { open, readFile, rename } from 'node:fs/promises'
import type { Row } from '../../core/rows/rows.ts'
import type { Clock } from '../../platform/clock.ts'
import { driven } from '../../platform/drive-steps.ts'
import { createElementReader } from '../../platform/json-elements.ts'
import type { Logger } from '../../platform/log.ts'
import type { Policy } from './policy.ts'
import type { HeldSlice, StoredSlice } from './slice.ts'

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
  slice: HeldSlice
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
    const stored = await readStored(path)
    if (!stored) return
    if (stored.version !== 1 || stored.service !== service) {
      return log.warn({ file: path }, 'the stored snapshot is of another service or version and is not used')
    }
    try {
      const { rows, seen, hash } = stored
      if ((await driven(slice.taking({ full: { rows: [...rows] }, seen, hash }))) !== 'applied')
        throw new Error('it does not add up to its hash')
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
    const { rows, ...rest } = held
    const about = { version: 1, service, confirmedAt: clock.wallMs(), ...rest } satisfies Omit<Stored, 'rows'>
    await replaceFile(path, textOf(about, rows))
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
      later(() => replaceFile(contactPath, [JSON.stringify({ hash, confirmedAt: clock.wallMs() })]))
    },
  }
}

/** Rows of this many characters are made into text and written at one time. */
const pieceLength = 65_536

/** An object as JSON in pieces: nobody waits for the text of a large slice, nor is there ever one. */
function* textOf(about: object, rows: Iterable<unknown>): Generator<string> {
  let text = `${JSON.stringify(about).slice(0, -1)},"rows":[`
  let isFirst = true
  for (const row of rows) {
    text += `${isFirst ? '' : ','}${JSON.stringify(row)}`
    isFirst = false
    if (text.length < pieceLength) continue
    yield text
    text = ''
  }
  yield `${text}]}`
}

/** Another file under the same name, or the old one: never half of it, also when the machine stops. */
async function replaceFile(path: string, pieces: Iterable<string>): Promise<void> {
  const temporary = `${path}.new`
  const file = await open(temporary, 'w', 0o600)
  try {
    for (const piece of pieces) await file.writeFile(piece)
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

/** Rows lie in a list of the object itself. */
const storedDepth = 2

/** Read as it comes, like a frame: a large file is never one text. */
async function readStored(path: string): Promise<Stored | undefined> {
  const elements = createElementReader(storedDepth)
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      if (elements.read(chunk, 0) === undefined) continue
      const { around, lists } = elements.take()
      return { ...(around as Stored), rows: (lists[0] ?? []) as Row[] }
    }
    return undefined
  } catch {
    return undefined
  }
}
