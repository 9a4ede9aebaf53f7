import type { Frame } from '../../core/rows/frames.ts'
import { createElementReader, type Elements } from '../../platform/json-elements.ts'

/** Rows lie in `full.rows`, `delta.upsert` and `delta.remove`. */
const rowsDepth = 3

/** Frames that ended within some bytes, and why nothing more can be read. */
export interface ReadFrames {
  readonly frames: readonly Frame[]
  readonly fault?: 'too_long' | 'malformed'
}

/**
 * Cuts bytes into frames. Half a frame at the end is never given out; after a fault there is nothing more.
 * @param maxBytes of one frame
 */
export function createFrameReader(maxBytes: number): (bytes: Buffer) => ReadFrames {
  const elements = createElementReader(rowsDepth)
  let fault: ReadFrames['fault']

  function read(bytes: Buffer, frames: Frame[]): ReadFrames['fault'] {
    for (let from = 0; from < bytes.length; ) {
      const end = elements.read(bytes, from)
      if (elements.size() > maxBytes) return 'too_long'
      if (end === undefined) return undefined
      from = end
      frames.push(frameOf(elements.take()))
    }
    return undefined
  }

  return bytes => {
    const frames: Frame[] = []
    if (fault) return { frames, fault }
    try {
      fault = read(bytes, frames)
    } catch {
      fault = 'malformed'
    }
    return { frames, ...(fault && { fault }) }
  }
}

/** Puts the lists back to where they were. */
function frameOf({ around, lists }: Elements): Frame {
  let next = 0
  for (const part of Object.values(around as object)) {
    if (typeof part !== 'object' || part === null) continue
    for (const [name, value] of Object.entries(part)) if (Array.isArray(value)) part[name] = lists[next++]
  }
  return around as Frame
}
