import type { Input } from './input.ts'
import { askOrigin } from './origins/ask-origin.ts'
import type { Origin } from './origins/seen.ts'
import { readRequests } from './read-requests.ts'
import { summaryOf } from './replay.ts'

/** Two more answers than there are requests are waited for, shortly: they may be to the smuggled ones. */
const quietMs = 250
const atOnce = 8

/**
 * Sends inputs straight to the origins, with no guard between: that they read many of them in different ways is what
 * a guard is for, and shows that the harness would see it.
 * @returns those that were read in more than one way
 */
export async function disagreements(origins: readonly Origin[], inputs: readonly Input[]): Promise<Input[]> {
  const left = [...inputs]
  const found: Input[] = []
  async function work(): Promise<void> {
    for (let input = left.shift(); input; input = left.shift()) {
      if (await isReadInTwoWays(origins, input.text)) found.push(input)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return found
}

async function isReadInTwoWays(origins: readonly Origin[], text: string): Promise<boolean> {
  const methods = [...readRequests(text).requests.map(({ method }) => method), 'GET', 'GET']
  const reactions = await Promise.all(origins.map(origin => askOrigin(origin, text, methods, quietMs)))
  return new Set(reactions.map(({ answers }) => summaryOf(answers))).size > 1
}
