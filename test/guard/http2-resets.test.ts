import { readdir, readFile } from 'node:fs/promises'
import { constants } from 'node:http2'
import { afterEach, describe, expect, it } from 'vitest'
import { type Answering, apps, ask, cleanUp, guarding, session } from './http2-rig.ts'
import { alice } from './policy-rows.ts'

afterEach(cleanUp)

/** Breaks off in the middle of an answer, but for one path. */
const breaksOff: Answering = (seen, reply) => {
  reply.head(200, { 'content-length': seen.path === '/api/good' ? '4' : '100' })
  if (seen.path === '/api/good') return reply.end('good')
  reply.write('half')
  setTimeout(reply.break, 1)
}

describe.each(['http1', 'h2c'] as const)(
  'S05 the calls of an honest caller before a broken app that speaks %s',
  protocol => {
    it('are no resets of its own, however many the guard has to break off', async () => {
      const rig = await guarding(await apps[protocol](breaksOff))
      const client = session(rig)
      const token = alice.token()
      const ends: number[] = []
      const caller = async (): Promise<void> => {
        for (let at = 0; at < 40; at++) ends.push((await ask(client, {}, undefined, token)).resetWith)
      }
      // More than one connection, and one peer, may take back in ten seconds.
      await Promise.all(Array.from({ length: 32 }, caller))
      expect(ends.length).toBe(1_280)
      expect(new Set(ends)).toEqual(new Set([constants.NGHTTP2_INTERNAL_ERROR]))
      expect(client.closed).toBe(false)
      const statuses = []
      for (const one of [client, session(rig)]) statuses.push((await ask(one, { ':path': '/api/good' })).status)
      expect(statuses).toEqual([200, 200])
    })
  },
)

it('nothing but endStream breaks the stream of a caller off', async () => {
  const folder = new URL('../../guard/http2/', import.meta.url)
  const found = []
  for (const name of await readdir(folder, { recursive: true })) {
    if (!name.endsWith('.ts')) continue
    const text = await readFile(new URL(name, folder), 'utf8')
    if (/\bstream\.(close|destroy)\(/.test(text)) found.push(name)
  }
  // A malformed field is the peer's own doing.
  expect(found.toSorted()).toEqual(['end-stream.ts', 'watch/malformed.ts'])
})
