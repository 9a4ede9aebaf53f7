import type { Frame } from '../../core/snapshot/frames.ts'
import { createElementReader, type Elements } from './json-elements.ts'

/** Rows lie in `full.rows`, `delta.upsert` and `delta.remove`. */
const rowsDepth = 3

/**
 * Cuts bytes into frames. Half a frame at the end is never given out.
 * @param maxBytes of one frame
 * @returns where bytes go in
 */
export function createFrameReader(options: {
  maxBytes: number
  onFrame(frame: Frame): void
  onFault(why: 'too_long' | 'malformed'): void
}): (chunk: Buffer) => void {
  const { maxBytes, onFrame, onFault } = options
  const elements = createElementReader(rowsDepth)
  let isBroken = false

  function frames(chunk: Buffer): void {
    let from = 0
    while (from < chunk.length) {
      const end = elements.read(chunk, from)
      if (elements.size() > maxBytes) return void broken('too_long')
      if (end === undefined) return
      from = end
      onFrame(frameOf(elements.take()))
    }
  }

  function broken(why: 'too_long' | 'malformed'): void {
    isBroken = true
    onFault(why)
  }

  return chunk => {
    if (isBroken) return
    try {
      frames(chunk)
    } catch {
      broken('malformed')
    }
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
