import { afterAll, beforeAll, it } from 'vitest'
import type { AttackName } from '../guard/attacks/attacks.ts'
import { call1, call2, callFresh } from '../guard/attacks/good-caller.ts'
import { withstand } from '../guard/attacks/withstand.ts'
import { bundleGuard } from '../guard/bundled-guard.ts'

// S02 to S06 at the port for callers, in full.

let built: Awaited<ReturnType<typeof bundleGuard>>
beforeAll(async () => {
  built = await bundleGuard()
})
afterAll(() => built.remove())

const once = false
const again = true
type Crowd = readonly [attack: AttackName, peers: number, connections: number, again: boolean, limit?: string]
const crowds: readonly Crowd[] = [
  ['silence', 1, 1_000, once],
  ['silence', 1, 10_000, once, 'connections'],
  ['silence', 50, 200, once, 'memory'],
  ['unfinishedHead', 6, 1_000, once, 'memory'],
  ['deniedBody', 1, 1_000, again],
  ['unreadAnswers', 1, 500, once, 'memory'],
  ['unreadAnswers', 6, 500, once, 'memory'],
  ['unreadTunnels', 1, 500, once, 'memory'],
  ['unreadTunnels', 4, 500, once, 'memory'],
  ['unreadWhole', 1, 5, again, 'memory'],
  ['unreadWhole', 3, 20, again, 'memory'],
  ['leftWhole', 3, 5, again, 'memory'],
  ['leftWhole', 16, 5, again, 'memory'],
  ['unfinishedStreams', 1, 150, once, 'memory'],
  ['unfinishedStreams', 6, 150, once, 'memory'],
  ['unfinishedBlock', 1, 1_000, once, 'memory'],
  ['unfinishedBlock', 6, 1_000, once, 'memory'],
  ['rapidReset', 1, 8, again, 'flood'],
  ['rapidReset', 1, 200, again, 'flood'],
  ['pings', 1, 200, again, 'flood'],
  ['settings', 1, 200, again, 'flood'],
  // What the attackers of one machine can send of these stays below what every connection may.
  ['priorities', 1, 200, again],
  ['windows', 1, 200, again, 'flood'],
  ['unknownFrames', 1, 200, again],
  ['forgedTokens', 1, 200, once],
]

const attempts = crowds.flatMap(crowd => {
  const [attack, peers, connections] = crowd
  const what = `${attack} of ${peers} × ${connections}`
  return [
    { what: `${what}, by HTTP/1.1`, call: call1, crowd },
    { what: `${what}, by HTTP/2`, call: call2, crowd },
  ]
})

// Fewer than 4,096 in all: what the kernel lets wait to be taken. Of more it turns away good callers as well.
it('S06 fresh tokens of a good caller pass while 16 × 250 connections fill the line with forged ones', async () => {
  const crowd = { attack: 'forgedTokens', peers: 16, connections: 250, seconds: 30, mebibytes: 512 } as const
  await withstand(built.directory, { ...crowd, call: callFresh })
})

it.each(attempts)('the guard lives, and a good caller gets every answer: $what', async ({ call, crowd }) => {
  const [attack, peers, connections, goesOn, limit] = crowd
  await withstand(built.directory, {
    ...{ attack, peers, connections, again: goesOn, call, seconds: 10 },
    ...(limit !== undefined && { limit }),
  })
})
