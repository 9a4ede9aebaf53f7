import type { Clock } from '../../../platform/clock.ts'
import type { Logger } from '../../../platform/log.ts'
import { StoreError } from '../store.ts'
import { settingsFault } from './settings-fault.ts'

/** Whether this Redis can be trusted to remember, as its settings say. */
export interface Standing {
  /** For a new connection, which may lead to another Redis: nothing is known of it until its settings were read. */
  look(): void
  /** @throws StoreError store_unavailable or store_unsafe */
  check(): void
  fault(): string | undefined
  stop(): void
}

const goodMs = 30_000
const faultyMs = 1_000

export function createStanding(parts: {
  send: (args: readonly string[]) => Promise<unknown>
  clock: Clock
  log: Logger
}): Standing {
  const { send, clock, log } = parts
  let known: 'unread' | 'safe' | 'unsafe' = 'unread'
  // Once its settings were good they are as long as they cannot be read: a Redis that is away for a while takes no policy from guards.
  let fault: string | undefined = 'the token store was not reached yet'
  let looks = 0
  let cancel: (() => void) | undefined

  async function read(look: number): Promise<void> {
    let found: string | undefined
    try {
      const info = String(await send(['INFO']))
      found = settingsFault(info, await readSave())
      if (look !== looks) return
      known = found === undefined ? 'safe' : 'unsafe'
      if (found !== undefined && found !== fault) log.error({ fault: found }, 'the token store is not safe')
      fault = found
    } catch (error) {
      if (look !== looks) return
      found = `the token store cannot be read: ${error instanceof Error ? error.message : 'unknown'}`
      if (known === 'unread' && fault !== undefined && fault !== found) {
        log.warn({ err: error }, 'the settings of the token store cannot be read')
        fault = found
      }
    }
    cancel = clock.after(found === undefined ? goodMs : faultyMs, () => void read(look))
  }

  async function readSave(): Promise<string | undefined> {
    const answer = await send(['CONFIG', 'GET', 'save']).catch(unlessRefused)
    return Array.isArray(answer) && answer.length === 2 ? String(answer[1]) : undefined
  }

  return {
    look() {
      known = 'unread'
      cancel?.()
      looks++
      const look = looks
      // The connection that this is about can be used from the next turn on.
      setImmediate(() => void read(look))
    },
    check() {
      if (known !== 'safe') throw new StoreError(known === 'unsafe' ? 'store_unsafe' : 'store_unavailable')
    },
    fault: () => fault,
    stop() {
      looks++
      cancel?.()
    },
  }
}

/** Many users may not ask for settings, and managed Redis has no such command. */
function unlessRefused(error: unknown): undefined {
  if (!/^(NOPERM|ERR) /.test(error instanceof Error ? error.message : '')) throw error
}
