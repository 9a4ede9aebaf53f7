import type { Input } from './input.ts'

/**
 * A shorter input that still fails: first without pauses, then without whole runs of lines, then of bytes.
 * @param fails plays an input and tells whether it still shows the same failure
 * @param tries bounds the work; what is found until then is given back
 */
export async function shrink(input: Input, fails: (input: Input) => Promise<boolean>, tries = 400): Promise<Input> {
  let best = input
  let left = tries
  const take = async (candidate: Input): Promise<boolean> => {
    if (left-- <= 0 || !(await fails(candidate))) return false
    best = candidate
    return true
  }
  await take({ ...best, cuts: [] })
  for (const split of [/(?<=\r\n\r\n)/, /(?<=\r\n)/, '']) {
    let pieces = best.text.split(split)
    for (let size = Math.ceil(pieces.length / 2); size >= 1 && left > 0; size = Math.floor(size / 2)) {
      for (let at = 0; at < pieces.length && left > 0; ) {
        const rest = [...pieces.slice(0, at), ...pieces.slice(at + size)]
        if (await take({ ...best, text: rest.join('') })) pieces = rest
        else at += size
      }
    }
  }
  return best
}
