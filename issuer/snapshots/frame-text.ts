import type { Seen } from '../../core/rows/frames.ts'
import type { SentRow } from '../../core/rows/rows.ts'

/** About how long a piece of a frame is: what a guard has to read before it gets more, and what is written at one time. */
export const chunkBytes = 65_536

/** A frame as a line of NDJSON in pieces, each made when the first guard needs it: no frame is ever a text as a whole. */
export interface FrameText {
  /** Of the slice after it. */
  readonly hash: string
  readonly seen: Seen
  /** @returns undefined behind the last one; they are asked for in their order, by each guard again */
  chunk(index: number): Buffer | undefined
}

/** Pieces that were made and may be of use for another guard: as much of them as this many bytes hold. */
export interface ChunkCache {
  get(frame: object, index: number): Buffer | undefined
  put(frame: object, index: number, chunk: Buffer): void
}

export function createChunkCache(maxBytes: number): ChunkCache {
  const names = new WeakMap<object, number>()
  const chunks = new Map<string, Buffer>()
  let named = 0
  let bytes = 0

  function nameOf(frame: object, index: number): string {
    const name = names.get(frame) ?? named++
    names.set(frame, name)
    return `${name}/${index}`
  }

  return {
    get: (frame, index) => chunks.get(nameOf(frame, index)),
    put(frame, index, chunk) {
      chunks.set(nameOf(frame, index), chunk)
      bytes += chunk.length
      for (const [oldest, { length }] of chunks) {
        if (bytes <= maxBytes) break
        chunks.delete(oldest)
        bytes -= length
      }
    },
  }
}

export interface FrameParts {
  readonly hash: string
  readonly seen: Seen
  readonly rows: readonly SentRow[]
  /** Absent: the rows are all there are. */
  readonly remove?: readonly string[]
}

export function createFrameText({ hash, seen, rows, remove }: FrameParts, cache: ChunkCache): FrameText {
  const ends = `},"seen":${JSON.stringify(seen)},"hash":"${hash}"}\n`
  const begin = remove ? '{"delta":{"upsert":[' : '{"full":{"rows":['
  const total = rows.length + (remove ? remove.length : 0) + 2
  // The part each piece begins with; known as far as pieces were made.
  const starts = [0]

  /** The first and the last part, and between them one for every row and every key. */
  function part(at: number): string {
    if (at === 0) return begin
    if (at <= rows.length) return `${at > 1 ? ',' : ''}${JSON.stringify(rows[at - 1])}`
    const key = at - 1 - rows.length
    const opens = remove && key === 0 ? '],"remove":[' : ''
    if (at < total - 1) return `${opens}${key > 0 ? ',' : ''}${JSON.stringify(remove?.[key])}`
    return `${opens}]${ends}`
  }

  const frame: FrameText = {
    hash,
    seen,
    chunk(index) {
      const start = starts[index]
      if (start === undefined || start >= total) return undefined
      const known = cache.get(frame, index)
      if (known) return known
      let text = ''
      let at = start
      while (at < total && text.length < chunkBytes) text += part(at++)
      starts[index + 1] = at
      const chunk = Buffer.from(text)
      cache.put(frame, index, chunk)
      return chunk
    },
  }
  return frame
}
