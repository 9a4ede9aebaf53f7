import { describe, expect, it } from 'vitest'
import { holdApart } from '../attacks/hold-apart.ts'
import { addresses, type Hold } from '../attacks/hold-connections.ts'
import { longestRoleUpdate, manyMembers } from '../attacks/long-reviews.ts'
import { webhookUnderAttack } from '../builders/under-attack.ts'

const attacked = webhookUnderAttack()

/** For ten seconds, two reviews a second. */
async function goodCaller(): Promise<void> {
  for (let i = 0; i < 20; i++) {
    const answer = await attacked.target.review().catch(String)
    expect({ answer, ended: attacked.target.process.ended() }).toEqual({ answer: 200, ended: undefined })
    await new Promise(resolve => setTimeout(resolve, 500))
  }
}

const head = (path: string, length: number): string =>
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`
const bytes = 3 * 1_048_576
const body = (path: string): string => head(path, bytes) + '{'.padEnd(bytes - 1)
/** Many small values: what takes most memory once it is read. */
const values = `{"a":[${'{},'.repeat(1_048_000)}`
const wide = (path: string): string => head(path, bytes) + values.slice(0, bytes - 1)
const wholeWide = (path: string): string => `${head(path, values.length + 3)}${values}0]}`
const whole = (path: string, text: string): string => head(path, Buffer.byteLength(text)) + text

const phases: [string, (knownPath: string) => Pick<Hold, 'over' | 'bytes'>][] = [
  ['silence before the handshake', () => ({ over: 'tcp', bytes: '' })],
  ['half a TLS hello', () => ({ over: 'tcp', bytes: Buffer.from([0x16, 3, 1, 2, 0, 1]) })],
  ['silence after the handshake', () => ({ over: 'tls', bytes: '' })],
  ['half a line', () => ({ over: 'tls', bytes: 'POST /val' })],
  [
    'a head of 16,300 bytes that does not end',
    () => ({ over: 'tls', bytes: `GET / HTTP/1.1\r\nX: ${'x'.repeat(16_300)}` }),
  ],
  ['a body without its last byte, of a stranger', () => ({ over: 'tls', bytes: body('/validate') })],
  ['a body without its last byte, at the known path', path => ({ over: 'tls', bytes: body(path) })],
  ['a wide body without its last byte, at the known path', path => ({ over: 'tls', bytes: wide(path) })],
  ['a whole wide body, at the known path', path => ({ over: 'tls', bytes: wholeWide(path) })],
  [
    'handshake after handshake',
    () => ({ over: 'tls', bytes: 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n' }),
  ],
  ['the longest Roles there are', path => ({ over: 'tls', bytes: whole(path, longestRoleUpdate) })],
  ['Roles of 100,000 unknown members', path => ({ over: 'tls', bytes: whole(path, manyMembers) })],
  ['answers that nobody reads', () => ({ over: 'tls', bytes: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(200) })],
]

describe.each(phases)('S01 S02 S03 S04 the webhook at its chart’s limit: %s', (_, attackOf) => {
  it.each([
    [1_000, 1],
    [1_000, 50],
  ])('%i connections, of %i addresses', async (count, from) => {
    const attack = attackOf(attacked.target.path)
    // What the kernel holds for bodies is ours: a hundred of them are 300 MiB.
    const some = attack.bytes.length > 100_000 ? 100 : count
    const held = await holdApart({
      port: attacked.target.port,
      count: some,
      addresses: addresses(from),
      again: true,
      ...attack,
    })
    attacked.ends.push(held.end)
    await goodCaller()
  })
})
