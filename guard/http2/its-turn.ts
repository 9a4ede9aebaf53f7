import type { ServerHttp2Stream } from 'node:http2'
import type { Turns, Work } from '../../platform/fair/turns.ts'

/**
 * Goes on with a stream when its peer's turn comes, or is lost. One that was taken back meanwhile costs nothing more. A request without
 * data ends although nobody reads it yet: that and its trailers are told again to whoever listens by then.
 */
export function whenItsTurn(
  turns: Turns,
  peer: string,
  stream: ServerHttp2Stream,
  go: Work,
): ReturnType<Turns['take']> {
  const missed: (() => void)[] = []
  const keepTrailers = (...trailers: unknown[]): void => void missed.push(() => stream.emit('trailers', ...trailers))
  const keepEnd = (): void => void missed.push(() => stream.emit('end'))
  const fate = turns.take(peer, turn => {
    stream.off('trailers', keepTrailers)
    stream.off('end', keepEnd)
    if (stream.destroyed || stream.closed || stream.aborted) return
    go(turn)
    for (const tell of missed) tell()
  })
  if (fate === 'waits') {
    stream.on('trailers', keepTrailers)
    stream.on('end', keepEnd)
  }
  return fate
}
