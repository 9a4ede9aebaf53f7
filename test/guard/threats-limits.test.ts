import { afterAll, beforeAll, it } from 'vitest'
import { call2, callFresh } from './attacks/good-caller.ts'
import { type Attempt, withstand } from './attacks/withstand.ts'
import { bundleGuard } from './bundled-guard.ts'

// One of each kind, short: the guard as it ships, within its chart's memory. All of them, in full, are in test/soak.

let built: Awaited<ReturnType<typeof bundleGuard>>
beforeAll(async () => {
  built = await bundleGuard()
})
afterAll(() => built.remove())

it.each<[string, Attempt]>([
  [
    'S02 2,000 silent connections of one address',
    { attack: 'silence', peers: 1, connections: 2_000, seconds: 1, limit: 'connections' },
  ],
  [
    'S03 heads without end of 6 addresses',
    { attack: 'unfinishedHead', peers: 6, connections: 500, seconds: 1, limit: 'memory' },
  ],
  [
    'S03 calls of HTTP/2 without end',
    { attack: 'unfinishedStreams', peers: 1, connections: 50, seconds: 1, limit: 'memory', call: call2 },
  ],
  ['S03 bodies of denied calls', { attack: 'deniedBody', peers: 1, connections: 200, again: true, seconds: 2 }],
  [
    'S04 answers that nobody reads',
    { attack: 'unreadAnswers', peers: 1, connections: 300, seconds: 2, limit: 'memory' },
  ],
  [
    'S04 WebSockets of which nobody reads an end',
    { attack: 'unreadTunnels', peers: 4, connections: 100, seconds: 4, limit: 'memory' },
  ],
  [
    'S04 whole answers over HTTP/2 that nobody reads',
    { attack: 'unreadWhole', peers: 3, connections: 5, seconds: 5, limit: 'memory', call: call2 },
  ],
  [
    'S04 the same, of connections that leave and come again',
    // So many peers that streams are broken off on connections whose callers have gone.
    { attack: 'leftWhole', peers: 16, connections: 5, again: true, seconds: 6, limit: 'memory' },
  ],
  [
    'S05 rapid reset',
    { attack: 'rapidReset', peers: 1, connections: 50, again: true, seconds: 2, limit: 'flood', call: call2 },
  ],
  [
    'S05 frames that mean nothing',
    { attack: 'windows', peers: 1, connections: 50, again: true, seconds: 2, limit: 'flood' },
  ],
  [
    'S06 forged tokens of as many addresses as fill the line, and fresh ones of a good caller',
    { attack: 'forgedStreams', peers: 11, connections: 4, seconds: 4, mebibytes: 512, call: callFresh },
  ],
  ['S06 forged tokens', { attack: 'forgedTokens', peers: 1, connections: 200, seconds: 2 }],
])('%s: the guard lives and a good caller gets every answer', async (_what, attempt) => {
  await withstand(built.directory, attempt)
})
