import { createHash } from 'node:crypto'
import { rememberCanonicalJson } from '../../core/base/canonical-json.ts'
import type { DocumentContent, DocumentReading } from '../../core/registry/openapi-document.ts'
import type { RouteRow } from '../../core/rows/rows.ts'
import type { ReadingThread } from './reading-thread.ts'

/** Reads the same content once, whichever services name it and however often it is fetched. */
export interface DocumentReader {
  /**
   * @param service name of the GuardedService
   * @returns what was read, the same object while somebody holds it, and the processor time it took
   * @throws Error when nothing can be said of the document now
   */
  read(content: DocumentContent, service: string): Promise<{ reading: DocumentReading; spentMs: number }>
  stop(): void
}

/** Readings that are remembered at most; the routes of a good one only while somebody holds them. */
const readingsAtMost = 4_096

type Kept = { readonly bad: DocumentReading } | { readonly routes: WeakRef<readonly RouteRow[]> }

export function createDocumentReader(thread: ReadingThread): DocumentReader {
  const kept = new Map<string, Kept>()
  const running = new Map<string, Promise<unknown>>()

  function recall(key: string): DocumentReading | undefined {
    const one = kept.get(key)
    kept.delete(key)
    if (!one) return undefined
    const routes = 'routes' in one ? one.routes.deref() : undefined
    const reading = 'bad' in one ? one.bad : routes && { routes }
    if (reading) kept.set(key, one)
    return reading
  }

  function keep(key: string, reading: DocumentReading): DocumentReading {
    kept.set(key, 'fault' in reading ? { bad: reading } : { routes: new WeakRef(reading.routes) })
    const [oldest] = kept.keys()
    if (kept.size > readingsAtMost && oldest !== undefined) kept.delete(oldest)
    return reading
  }

  return {
    async read(content, service) {
      const hash = createHash('sha256')
        .update(JSON.stringify(Object.keys(content)))
        .update(bytesOf(content))
        .digest('hex')
      const ofName = `${hash} ${service}`
      for (;;) {
        const known = recall(hash) ?? recall(ofName)
        if (known) return { reading: known, spentMs: 0 }
        const other = running.get(hash)
        if (!other) break
        await other.catch(() => {})
      }
      const reading = thread.read({ content, service })
      running.set(hash, reading)
      try {
        const { reading: text, ofAll, spentMs } = await reading
        return { reading: keep(ofAll ? hash : ofName, parsed(text)), spentMs }
      } finally {
        running.delete(hash)
      }
    },
    stop: thread.stop,
  }
}

/** Its canonical text is at hand: of thousands of routes it takes longer to make than to parse. */
function parsed(text: string): DocumentReading {
  const reading = JSON.parse(text) as DocumentReading
  if ('routes' in reading) rememberCanonicalJson(reading.routes, text.slice('{"routes":'.length, -1))
  return reading
}

function bytesOf(content: DocumentContent): string {
  return 'text' in content ? content.text : content.gzip
}
