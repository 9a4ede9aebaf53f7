import { expect, it } from 'vitest'
import type { ClientRow, ServiceRow } from '../../../core/rows/rows.ts'
import { createRevocations } from '../../../issuer/revocations/revocations.ts'
import { knownSecrets } from '../core/secret/secrets.ts'
import { installation, object, startInstallation } from './installation.ts'
import { accessKey, makePair } from './tokens/rig.ts'

const audience = (name: string) => `https://${name}.shop.svc`
const secretKey = object('partners', 'cs', '1', {
  spec: {
    clientRef: { name: 'checkout' },
    type: 'ClientSecret',
    roles: [{ namespace: 'shop', name: 'orders-reader' }],
  },
  status: {
    clientId: 'partners.checkout',
    keys: [
      {
        kid: knownSecrets[0].keyId,
        state: 'Active',
        secretHash: knownSecrets[0].hash,
        notBefore: '2020-01-01T00:00:00Z',
      },
    ],
  },
})

async function started() {
  const listed = installation({ orders: ['checkout', 'other'], billing: ['checkout'] })
  const services = (listed.guardedservices ?? []) as { metadata: { name: string }; spec: object }[]
  const taking = services.map(one => {
    const spec = { ...one.spec, accepts: ['ClientToken', 'AccessToken'] }
    return one.metadata.name === 'orders' ? { ...one, spec } : one
  })
  const revocations = createRevocations()
  const state = { kid: 'first' }
  const keys = [accessKey('checkout', 'checkout', makePair()), secretKey]
  const { slices } = await startInstallation(
    { ...listed, guardedservices: taking, accesskeys: keys },
    undefined,
    undefined,
    {
      row: () => ({
        issuer: 'https://i.test',
        keys: [{ kid: state.kid, algorithm: 'Ed25519', publicKey: { kty: 'OKP' } as never }],
      }),
      revoked: revocations.of,
    },
  )
  revocations.onChange((clientId, what) =>
    slices.clientChanged(clientId.replace('.', '/'), what === 'more' ? 'urgent' : 'relaxed'),
  )
  await slices.start()
  const rowOf = (service: string, key: string) => slices.get(`shop/${service}`)?.row(key)
  return {
    ...{ slices, revocations, state },
    client: (service: string, name = 'checkout') => rowOf(service, `client/partners.${name}`) as ClientRow | undefined,
    service: (name: string) => rowOf(name, 'service') as ServiceRow | undefined,
    close: () => slices.stop(),
  }
}

const revocation = (id: string, service = 'orders') => ({
  ...{ id, clientId: 'partners.checkout', audience: audience(service), issuedAt: 10, endsAt: 340 },
})

it('a service that takes access tokens is told the keys of the issuer, and what changes of them; another one is not', async () => {
  const rig = await started()
  expect(rig.service('orders')?.accessTokens).toMatchObject({ issuer: 'https://i.test', keys: [{ kid: 'first' }] })
  expect(rig.service('billing')).not.toHaveProperty('accessTokens')
  rig.state.kid = 'second'
  rig.slices.accessTokensChanged()
  await expect.poll(() => rig.service('orders')?.accessTokens?.keys[0]?.kid).toBe('second')
  rig.close()
})

it('a revocation is in the row of its client, at the service that it was for, until it has ended', async () => {
  const rig = await started()
  const other = rig.client('orders', 'other')
  rig.revocations.take(revocation('a'))
  rig.revocations.take(revocation('b', 'billing'))
  await expect.poll(() => rig.client('orders')?.accessTokens?.revoked).toEqual(['a'])
  expect(rig.client('billing')).not.toHaveProperty('accessTokens')
  expect(rig.client('orders', 'other')).toBe(other)
  rig.revocations.prune(340)
  await expect.poll(() => rig.client('orders')?.accessTokens?.revoked).toBeUndefined()
  rig.close()
})

it('what a client got tokens with is told by its bounds: of its secrets nothing else, and at no service that takes none', async () => {
  const rig = await started()
  expect(rig.client('orders')?.accessTokens?.clientSecrets).toMatchObject([
    { accessKey: 'cs', roles: ['orders-reader'] },
  ])
  expect(JSON.stringify(rig.client('orders'))).not.toContain(knownSecrets[0].hash)
  expect(JSON.stringify(rig.client('billing'))).not.toContain('acc_')
  rig.close()
})
