import { describe, expect, it } from 'vitest'
import { addresses, hold } from '../../attacks/hold-connections.ts'
import { webhookUnderAttack } from '../../builders/under-attack.ts'

const attacked = webhookUnderAttack()

/** A body of 3 MiB without its last byte. */
const unfinished = (path: string): string => {
  const bytes = 3 * 1_048_576
  const head = `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n`
  return head + '{'.padEnd(bytes - 1)
}

/** The API server beside the attack is answered every time, and the process lives. */
async function goodCaller(times: number): Promise<void> {
  for (let i = 0; i < times; i++) expect(await attacked.target.review()).toBe(200)
  expect(attacked.target.process.ended()).toBeUndefined()
}

describe('the webhook within its chart’s limit of memory', () => {
  it.each([
    ['who does not know the path', () => '/validate'],
    ['who found the path out', () => attacked.target.path],
  ])('S03 100 bodies of 3 MiB without their last byte, of one %s, are not held', async (_, path) => {
    const { port } = attacked.target
    const attack = {
      port,
      count: 100,
      addresses: addresses(1),
      over: 'tls',
      bytes: unfinished(path()),
      again: true,
    } as const
    attacked.ends.push((await hold(attack)).end)
    await goodCaller(15)
  })

  it('S02 1,000 connections of one address with half a head, and as many of 50, leave the API server its place', async () => {
    const half = {
      port: attacked.target.port,
      count: 1_000,
      over: 'tls',
      bytes: 'POST /validate HTTP/1.1\r\nX: ',
    } as const
    attacked.ends.push((await hold({ ...half, addresses: addresses(1) })).end)
    await goodCaller(5)
    attacked.ends.push((await hold({ ...half, addresses: addresses(50) })).end)
    await goodCaller(5)
  })
})
