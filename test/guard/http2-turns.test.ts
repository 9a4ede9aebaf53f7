import { afterEach, expect, it } from 'vitest'
import { ask, cleanUp, guarding, h2cApp, http1App, outcomeOf, session } from './http2-rig.ts'
import { alice } from './policy-rows.ts'

// Calls that come together wait for one another: the guard does a slice of them in each turn of its event loop.

afterEach(cleanUp)

it.each([http1App, h2cApp])('many calls at once with empty bodies all end', async startApp => {
  const client = session(await guarding(await startApp()))
  const streams = Array.from({ length: 100 }, () =>
    client.request({
      ':method': 'POST',
      ':path': '/api/x',
      ':authority': 'orders',
      authorization: `Bearer ${alice.token()}`,
    }),
  )
  const outcomes = streams.map(outcomeOf)
  for (const stream of streams) stream.end()
  expect(new Set((await Promise.all(outcomes)).map(({ status }) => status))).toEqual(new Set([200]))
})

it('trailers that come before the turn of their call reach the app', async () => {
  const app = await h2cApp()
  const client = session(await guarding(app))
  const calls = Array.from({ length: 60 }, () => {
    const stream = client.request(
      { ':method': 'POST', ':path': '/api/x', ':authority': 'orders', authorization: `Bearer ${alice.token()}` },
      { waitForTrailers: true },
    )
    stream.on('wantTrailers', () => stream.sendTrailers({ 'x-last': 'yes' }))
    stream.end('body')
    return outcomeOf(stream)
  })
  await Promise.all(calls)
  expect(app.seen.filter(({ trailers }) => trailers.includes('x-last'))).toHaveLength(60)
})

it('hundreds of calls on 8 connections, each with a token of its own, are all answered', async () => {
  const rig = await guarding(await http1App())
  const clients = Array.from({ length: 8 }, () => session(rig))
  for (let round = 0; round < 2; round++) {
    const calls = clients.flatMap(client => Array.from({ length: 60 }, () => ask(client, {}, 'some body')))
    expect(new Set((await Promise.all(calls)).map(({ status }) => status))).toEqual(new Set([200]))
  }
})
