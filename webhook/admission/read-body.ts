import type { IncomingMessage } from 'node:http'

/** A body, as far as it is looked at. */
export interface Body {
  readonly bytes: Buffer<ArrayBuffer>
  /** Only its head is there: it tells whose it was. */
  readonly isTooLarge: boolean
}

export const longestBytes = 3 * 1024 * 1024
/** Read and dropped, so that the sender gets the answer instead of a broken pipe. */
const longestDroppedBytes = 16 * 1024 * 1024
const headBytes = 1024

/** @returns the body; undefined when the sender went away or sends on */
export async function readBody(request: IncomingMessage): Promise<Body | undefined> {
  let kept: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      const wasWithin = length <= longestBytes
      length += chunk.length
      if (length > longestDroppedBytes) return undefined
      if (length <= longestBytes) kept.push(chunk)
      // A copy: a slice would keep all of what it was cut from.
      else if (wasWithin) kept = [Buffer.from(Buffer.concat([...kept, chunk]).subarray(0, headBytes))]
    }
  } catch {
    return undefined
  }
  return { bytes: Buffer.concat(kept), isTooLarge: length > longestBytes }
}
