import type { Readable, Writable } from 'node:stream'

/**
 * Moves what comes to where it goes, and lets it come no faster. The ends are the caller's to connect: an end may be a
 * break.
 * @param stuck called when what was written was not taken for so long
 */
export function pump(from: Readable, to: Writable, stuck?: { readonly ms: number; give(): void }): void {
  let timer: NodeJS.Timeout | undefined
  from.on('data', (chunk: Buffer) => {
    if (to.destroyed || to.writableEnded || to.write(chunk)) return
    from.pause()
    if (stuck) timer = setTimeout(stuck.give, stuck.ms)
  })
  to.on('drain', () => {
    clearTimeout(timer)
    from.resume()
  })
  to.once('close', () => {
    clearTimeout(timer)
    // What still comes is thrown away, or its end would never be seen.
    from.resume()
  })
}
