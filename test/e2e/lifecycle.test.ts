import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Call, callFromPod, callUntil } from '../demo/calls.ts'
import { kubectl } from '../demo/install.ts'
import { apply, read, remove, waitFor } from './cluster.ts'

const url = 'http://orders.shop.svc'
const right: Call = { client: 'checkout', arguments: [], method: 'GET', url: `${url}/orders` }

interface Key {
  readonly status: { readonly keyId: string; readonly state: string; readonly keys: { kid: string; state: string }[] }
}

const key = (name: string, spec: object = {}) => ({
  apiVersion: 'latchkey.dev/v1alpha1',
  kind: 'AccessKey',
  metadata: { name, namespace: 'checkout' },
  spec: { clientRef: { name: 'checkout' }, ...spec },
})

describe('a key in the real cluster', () => {
  beforeAll(async () => {
    await waitFor('accesskeys.latchkey.dev/checkout', 'checkout', 'condition=Ready')
    expect((await callUntil(right, { status: 200, reason: 'granted' }, 60_000)).status).toBe(200)
  })
  afterAll(async () => {
    await remove('accesskeys.latchkey.dev', 'checkout', 'second')
  })

  it('is enforced: every condition says so, as kubectl wait asks for it', async () => {
    await waitFor('accesskeys.latchkey.dev/checkout', 'checkout', 'condition=Enforced')
    await waitFor('accessgrants.latchkey.dev/checkout-reads-orders', 'shop', 'condition=Enforced')
    await waitFor('roles.latchkey.dev/orders-reader', 'shop', 'condition=Enforced')
    await waitFor('guardedservices.latchkey.dev/orders', 'shop', 'condition=Enforced')
  })

  it('has a Secret that a Service Binding consumer understands, with one private half in it', async () => {
    const secret = await read<{ type: string; data: Record<string, string> }>('secrets', 'checkout', 'checkout')
    expect(secret.type).toBe('servicebinding.io/latchkey')
    expect(Object.keys(secret.data).sort()).toEqual(
      ['ca.crt', 'client-id', 'issuer', 'key-id', 'private.jwk', 'private.pem', 'provider', 'type'].sort(),
    )
  })

  it('comes back as another key when its Secret is deleted by hand', async () => {
    const before = (await read<Key>('accesskeys.latchkey.dev', 'checkout', 'checkout')).status.keyId
    await kubectl(['delete', 'secret', 'checkout', '--namespace', 'checkout'])
    // The operator may not watch Secrets: it looks every ten minutes, or when the AccessKey is touched.
    const now = `latchkey.dev/reconcile-at=${new Date().toISOString()}`
    await kubectl(['annotate', 'accesskeys.latchkey.dev', 'checkout', '--namespace', 'checkout', '--overwrite', now])
    await expect
      .poll(async () => (await read<Key>('accesskeys.latchkey.dev', 'checkout', 'checkout')).status.keyId, {
        timeout: 30_000,
      })
      .not.toBe(before)
    await waitFor('accesskeys.latchkey.dev/checkout', 'checkout', 'condition=Ready')
    expect((await callUntil(right, { status: 200, reason: 'granted' }, 120_000)).status).toBe(200)
  })

  it('is refused for ever once revoked, and the others of its client go on', async () => {
    await apply(key('second'))
    await waitFor('accesskeys.latchkey.dev/second', 'checkout', 'condition=Ready')
    await kubectl([
      'patch',
      'accesskeys.latchkey.dev',
      'second',
      '--namespace',
      'checkout',
      '--type=merge',
      '--patch',
      '{"spec":{"revoked":{"reason":"leaked"}}}',
    ])
    await waitFor('accesskeys.latchkey.dev/second', 'checkout', 'jsonpath={.status.state}=Revoked')
    const secret = await read<{ data?: Record<string, string> }>('secrets', 'checkout', 'second')
    expect(Object.keys(secret.data ?? {}).filter(name => name.startsWith('private'))).toEqual([])
    expect((await callFromPod(right)).status).toBe(200)
  })

  it('stops at once when its client is suspended, and starts again', async () => {
    const suspend = (value: string) =>
      kubectl([
        'patch',
        'apiclients.latchkey.dev',
        'checkout',
        '--namespace',
        'checkout',
        '--type=merge',
        '--patch',
        `{"spec":{"suspended":${value}}}`,
      ])
    await suspend('true')
    expect(await callUntil(right, { status: 401, reason: 'client_suspended' }, 30_000)).toMatchObject({
      status: 401,
      reason: 'client_suspended',
    })
    await suspend('false')
    expect((await callUntil(right, { status: 200, reason: 'granted' }, 30_000)).status).toBe(200)
  })

  it('waits, untouched, behind a Secret of that name that is not ours', async () => {
    await kubectl(['create', 'secret', 'generic', 'foreign', '--namespace', 'checkout', '--from-literal=mine=1'])
    try {
      await apply(key('foreign'))
      await waitFor('accesskeys.latchkey.dev/foreign', 'checkout', 'condition=Stalled')
      const secret = await read<{ data: Record<string, string> }>('secrets', 'checkout', 'foreign')
      expect(secret.data).toEqual({ mine: 'MQ==' })
    } finally {
      await remove('accesskeys.latchkey.dev', 'checkout', 'foreign')
      await remove('secrets', 'checkout', 'foreign')
    }
  })
})
