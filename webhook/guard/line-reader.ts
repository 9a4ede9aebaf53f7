/** A frame is at most this long, in bytes: a full slice with some hundred thousand clients. */
export const maxLineBytes = 256 * 1024 * 1024

/**
 * Cuts bytes into lines. Half a line at the end is never given out.
 * @returns where bytes go in
 */
export function createLineReader(
  onLine: (line: string) => void,
  onTooLong: () => void,
  limit = maxLineBytes,
): (chunk: Buffer) => void {
  let parts: Buffer[] = []
  let bytes = 0
  return chunk => {
    let from = 0
    for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, from)) {
      const line = Buffer.concat([...parts, chunk.subarray(from, at)]).toString('utf8')
      parts = []
      bytes = 0
      from = at + 1
      if (line !== '') onLine(line)
    }
    if (from === chunk.length) return
    parts.push(chunk.subarray(from))
    bytes += chunk.length - from
    if (bytes > limit) onTooLong()
  }
}
