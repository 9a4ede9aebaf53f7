import { afterAll, beforeAll, expect, it } from 'vitest'
import { alice, bob, nowSeconds, rowsOf } from './policy-rows.ts'
import { sendRaw } from './raw-socket.ts'
import { type App, type Rig, startApp, startGuard } from './rig.ts'

let app: App
let rig: Rig
beforeAll(async () => {
  app = await startApp((_, response) =>
    response.writeHead(401, { 'www-authenticate': 'Bearer realm="app"' }).end('own'),
  )
  rig = await startGuard(app.port)
})
afterAll(async () => {
  await rig.close()
  await app.close()
})
const get = async (token: string) => {
  const head = `GET /api/x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`
  const { status, headers, body } = await sendRaw(rig.port, head)
  const [decision, challenge] = ['latchkey-decision', 'www-authenticate'].map(name => headers[name]?.join())
  return { status, decision, challenge, body }
}

it('tells apart a token that ended, a key that was revoked or ended, a stranger, another audience and the API’s own 401', async () => {
  const revoked = { ...bob.row, keys: [{ ...bob.key, revoked: true as const }] }
  const old = { ...alice.row, keys: [{ ...alice.key, notAfter: nowSeconds() - 1 }] }
  const withBob = (row: typeof bob.row) => [...rowsOf().filter(one => one.type !== 'client'), alice.row, row]
  rig.apply(withBob(revoked))
  const answers = [
    await get(alice.token({ iat: nowSeconds() - 600, exp: nowSeconds() - 300 })),
    await get(bob.token()),
    await get(alice.token({ iss: 'https://issuer.test/default/v1/clients/sc_nobody', sub: 'sc_nobody' })),
    await get(alice.token({ aud: 'https://billing.shop.svc' })),
  ]
  rig.apply([...rowsOf().filter(one => one.type !== 'client'), old])
  answers.push(await get(alice.token()))
  rig.apply(rowsOf())
  const own = await get(alice.token())

  expect(answers.map(({ status, decision }) => `${status} ${decision}`)).toEqual(
    ['token_expired', 'key_revoked', 'invalid_token', 'wrong_audience', 'key_expired'].map(
      reason => `401 deny; reason=${reason}; by=guard`,
    ),
  )
  expect(answers.map(({ decision, body }) => decision?.includes(JSON.parse(body).code))).toEqual(Array(5).fill(true))
  expect(own).toEqual({
    ...{ status: 401, decision: 'allow; reason=granted; by=guard', challenge: 'Bearer realm="app"', body: 'own' },
  })
  const all = [...answers, own]
  expect(new Set(all.map(({ challenge }) => challenge)).size).toBe(all.length)
  expect(new Set(answers.map(({ body }) => JSON.parse(body).detail)).size).toBe(answers.length)
})
