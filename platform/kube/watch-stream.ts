// An object may have 3 MiB in etcd; a longer line is not the API server talking.
const longestLineBytes = 16 * 1024 * 1024

/**
 * Splits a watch response into its JSON lines.
 * @throws Error when the stream breaks, ends inside a line, or holds a line that is not a watch event
 */
export async function* readEvents(stream: AsyncIterable<Buffer>): AsyncGenerator<WatchEvent> {
  let rest: Buffer[] = []
  let restBytes = 0
  for await (const chunk of stream) {
    let from = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      const piece = chunk.subarray(from, end)
      const line = restBytes === 0 ? piece : Buffer.concat([...rest, piece])
      rest = []
      restBytes = 0
      from = end + 1
      if (line.length > 0) yield parseEvent(line)
    }
    if (from < chunk.length) {
      rest.push(chunk.subarray(from))
      restBytes += chunk.length - from
      if (restBytes > longestLineBytes) throw new Error('watch: line too long')
    }
  }
  // Not the server's way to end: an event was cut, and must come again from the last whole one.
  if (restBytes > 0) throw new Error('watch: the stream ended inside a line')
}

/** One event of a watch. */
export type WatchEvent =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; object: WatchedObject }
  | { type: 'ERROR'; object: { code?: number; reason?: string; details?: { retryAfterSeconds?: number } } }

interface WatchedObject {
  apiVersion?: string
  kind?: string
  metadata: { name: string; namespace?: string; resourceVersion: string }
}

const types = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'])

function parseEvent(line: Buffer): WatchEvent {
  let event: { type?: unknown; object?: { metadata?: { resourceVersion?: unknown } } } | null
  try {
    event = JSON.parse(line.toString('utf8'))
  } catch {
    // The parser's own message would quote the line, and with it the object.
    throw new Error('watch: a line is not JSON')
  }
  const known = typeof event?.type === 'string' && types.has(event.type) && event.object instanceof Object
  const placed = event?.type === 'ERROR' || typeof event?.object?.metadata?.resourceVersion === 'string'
  if (!known || !placed) throw new Error('watch: a line is not a watch event')
  return event as WatchEvent
}
