import { readFile } from 'node:fs/promises'
import { type Clock, systemClock } from './clock.ts'
import type { Logger } from './log.ts'

/**
 * Calls back with the contents of all files together whenever any of them changed, first with what is there now.
 * Polls contents: the kubelet replaces a mounted Secret by swapping a symlink, which file events miss or tell twice.
 * While a file is missing or unreadable nothing is called.
 * @returns a function that stops it
 */
export function watchFiles<Name extends string>(
  paths: Record<Name, string>,
  onChange: (contents: Record<Name, Buffer>) => void,
  options: { intervalMs?: number; log: Logger; clock?: Clock },
): () => void {
  const { intervalMs = 10_000, log, clock = systemClock } = options
  let last: Record<string, Buffer> | undefined
  let cancel: (() => void) | undefined
  let stopped = false

  async function look(): Promise<void> {
    try {
      const contents = await readAll(paths)
      if (stopped || (last && same(last, contents))) return
      // Kept only after the handler took it: a pair read in the middle of a swap is refused and read again.
      onChange(contents)
      last = contents
    } catch (error) {
      log.warn({ err: error, files: Object.keys(paths) }, 'files not taken over')
    } finally {
      if (!stopped) cancel = clock.after(intervalMs, () => void look())
    }
  }

  void look()
  return () => {
    stopped = true
    cancel?.()
  }
}

async function readAll<Name extends string>(paths: Record<Name, string>): Promise<Record<Name, Buffer>> {
  const names = Object.keys(paths) as Name[]
  const contents = await Promise.all(names.map(name => readFile(paths[name])))
  return Object.fromEntries(names.map((name, at) => [name, contents[at]])) as Record<Name, Buffer>
}

function same(before: Record<string, Buffer>, now: Record<string, Buffer>): boolean {
  return Object.entries(now).every(([name, content]) => before[name]?.equals(content))
}
