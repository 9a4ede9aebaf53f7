import { expect, it } from 'vitest'
import { createHandDrive, roleFor } from '../installation.ts'
import { accessKey, assertion, readParts, startTokens, withAssertion } from './rig.ts'

type Rig = Awaited<ReturnType<typeof startTokens>>

const failed = { status: 401, body: { error: 'invalid_client', error_description: 'client authentication failed' } }
const told = async (asked: ReturnType<Rig['ask']>) => {
  const { status, body } = await asked
  return [status, body.error]
}

it('O06 O10 takes no proof of a key that was revoked, a client that was suspended or one that is gone, from the next request on', async () => {
  const own = await startTokens()
  const ask = () => own.ask(withAssertion(assertion(own.pair)))
  expect((await ask()).status).toBe(200)
  await own.tell(
    'accesskeys',
    'MODIFIED',
    accessKey('checkout', 'checkout', own.pair, '2', { revoked: { reason: 'Lost' } }),
  )
  expect(await ask()).toEqual(failed)
  await own.tell('accesskeys', 'MODIFIED', accessKey('checkout', 'checkout', own.pair, '3'))
  expect((await ask()).status).toBe(200)
  await own.tell('apiclients', 'MODIFIED', client('2', { suspended: true }))
  expect(await ask()).toEqual(failed)
  await own.tell('apiclients', 'MODIFIED', client('3', {}))
  expect((await ask()).status).toBe(200)
  await own.tell('apiclients', 'DELETED', client('4', {}))
  expect(await ask()).toEqual(failed)
  await own.close()
})

it('O06 takes a key until the second in which it ends, and not after', async () => {
  const own = await startTokens()
  const ask = async () => (await own.ask(withAssertion(assertion(own.pair)))).status
  const ending = async (version: string, seconds: number) => {
    const notAfter = new Date((Math.floor(Date.now() / 1_000) + seconds) * 1_000).toISOString()
    const published = { state: 'Retiring', notAfter }
    await own.tell('accesskeys', 'MODIFIED', accessKey('checkout', 'checkout', own.pair, version, {}, published))
  }
  await ending('2', 0)
  expect(await ask()).toBe(401)
  await ending('3', 30)
  expect(await ask()).toBe(200)
  await own.close()
})

it('takes no proof of a client that was suspended, however long the work takes that follows from it', async () => {
  const own = await startTokens(undefined, createHandDrive())
  const ask = () => own.ask(withAssertion(assertion(own.pair)))
  expect((await ask()).status).toBe(200)
  await own.tell('apiclients', 'MODIFIED', client('2', { suspended: true }))
  expect(await ask()).toEqual(failed)
  await own.close()
})

it('gives no token for a role that was taken away, nor by a key that was narrowed to another, from the next request on', async () => {
  const own = await startTokens()
  const ask = () => told(own.ask(withAssertion(assertion(own.pair))))
  const narrowed = { roles: [{ namespace: 'shop', name: 'billing-reader' }] }
  await own.tell('accesskeys', 'MODIFIED', accessKey('checkout', 'checkout', own.pair, '2', narrowed))
  expect(await ask()).toEqual([400, 'invalid_target'])
  await own.tell('accesskeys', 'MODIFIED', accessKey('checkout', 'checkout', own.pair, '3'))
  expect(await ask()).toEqual([200, undefined])
  await own.tell('roles', 'DELETED', roleFor('orders', '4'))
  expect(await ask()).toEqual([400, 'invalid_target'])
  await own.close()
})

it('gives tokens that live as long as their service says', async () => {
  const own = await startTokens(listed => ({
    ...listed,
    guardedservices: (listed.guardedservices ?? []).map(one => {
      const { spec } = one as { spec: object }
      return { ...one, spec: { ...spec, oauth: { accessTokenLifetime: '10m' } } }
    }),
  }))
  const { body } = await own.ask(withAssertion(assertion(own.pair)))
  const { iat, exp } = readParts(body.access_token).claims
  expect([body.expires_in, Number(exp) - Number(iat)]).toEqual([600, 600])
  await own.close()
})

it('signs with the next key as soon as that one signs, and with none where none does', async () => {
  const own = await startTokens()
  const ask = () => own.ask(withAssertion(assertion(own.pair)))
  const before = readParts((await ask()).body.access_token).header.kid
  const kid = own.rotateSigner()
  expect([before !== kid, readParts((await ask()).body.access_token).header.kid]).toEqual([true, kid])
  own.signing.signers = undefined
  expect(await told(ask())).toEqual([503, 'temporarily_unavailable'])
  await own.close()
})

it('gives no token while the store is out of reach, and says 503, until it is back', async () => {
  const own = await startTokens()
  const ask = () => told(own.ask(withAssertion(assertion(own.pair))))
  own.memory.refuse('claim')
  expect(await ask()).toEqual([503, 'temporarily_unavailable'])
  own.memory.comeBack()
  expect(await ask()).toEqual([200, undefined])
  await own.close()
})

function client(version: string, spec: object) {
  return {
    metadata: {
      ...{ name: 'checkout', namespace: 'partners', uid: 'uid-checkout', resourceVersion: version },
      ...{ generation: Number(version), creationTimestamp: '2020-01-01T00:00:00Z' },
    },
    spec: { clientId: 'partners.checkout', ...spec },
  }
}
