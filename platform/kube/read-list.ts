import { setImmediate } from 'node:timers/promises'
import { createElementReader, type Elements } from '../json-elements.ts'

/** What is kept of a page of a list, and where the next one begins. */
export interface KeptPage<K> {
  readonly kept: K[]
  readonly continue?: string
}

/** Others wait no longer than this, and for the object that is read. */
const turnMs = 5

/** In `{"items":[…],"metadata":{…}}`. */
const itemsDepth = 2

/**
 * Reads one page of a list as it comes, each object by itself: neither the text of the page nor its objects are ever there
 * as a whole, and between two pieces of it everything else goes on.
 * @param keep what stays of an object; undefined: nothing
 * @throws Error when it is no list, or ends early
 */
export async function readList<T, K>(
  stream: AsyncIterable<Buffer>,
  keep: (object: T) => K | undefined,
): Promise<KeptPage<K>> {
  const { around, lists } = await readElements(stream, object => keep(object as T))
  const { items, metadata } = around as { items?: unknown; metadata?: { continue?: unknown } }
  if (typeof metadata !== 'object' || !(items === null || Array.isArray(items))) throw new Error('list: it is none')
  const kept = lists.flat().filter(object => object !== undefined) as K[]
  const next = metadata?.continue
  return { kept, ...(typeof next === 'string' && next !== '' && { continue: next }) }
}

async function readElements(stream: AsyncIterable<Buffer>, keep: (object: unknown) => unknown): Promise<Elements> {
  const elements = createElementReader(itemsDepth, keep)
  let isWhole = false
  let endsAt = performance.now() + turnMs
  try {
    for await (const bytes of stream) {
      if (!isWhole) isWhole = elements.read(bytes, 0) !== undefined
      // What has come already would all be given out in one turn.
      if (performance.now() < endsAt) continue
      await setImmediate()
      endsAt = performance.now() + turnMs
    }
    if (isWhole) return elements.take()
  } catch (error) {
    // A parser's message quotes what it could not read.
    throw error instanceof SyntaxError ? new Error('list: the answer is not JSON') : error
  }
  throw new Error('list: the answer ended early')
}
