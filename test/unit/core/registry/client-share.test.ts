import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AccessKey } from '../../../../core/api/access-key.ts'
import { thumbprint } from '../../../../core/jose/jwk.ts'
import { clientKeys, clientRow, serviceAccountRows } from '../../../../core/registry/client-row.ts'
import { countedAccessKeys, isBeyondShare, mostOfClient } from '../../../../core/registry/client-share.ts'
import type { PodObject, ServiceAccountObject } from '../../../../core/registry/kubernetes.ts'
import { resolveClients } from '../../../../core/registry/resolve-clients.ts'
import { sliceBound } from '../../../../core/rows/slice-bound.ts'
import { accessKey, client, issuerUrl, namespace, namespaces } from './objects.ts'

const { accessKeys: most, pods: mostPods } = mostOfClient
const second = (at: number) => new Date(Date.UTC(2026, 0, 1) + at * 1_000).toISOString().replace('.000', '')
const keyAt = (at: number, name = `k${at}`): AccessKey => {
  const made = accessKey('partners', name, { clientRef: { name: 'checkout' } })
  return { ...made, metadata: { ...made.metadata, uid: `uid-${name}`, creationTimestamp: second(at) } }
}
const many = (count: number) => Array.from({ length: count }, (_, at) => keyAt(at))
const namesOf = (keys: readonly AccessKey[]) => keys.map(({ metadata }) => metadata.name).sort()

describe('the AccessKeys of one client that count', () => {
  it('are all of them as long as they are few, and then the oldest', () => {
    expect(countedAccessKeys(many(most))).toHaveLength(most)
    expect(namesOf(countedAccessKeys(many(most + 3).reverse()))).toEqual(namesOf(many(most)))
  })

  it('are those that are of use: revoked and ended ones stand behind, ones that are being deleted count for nothing', () => {
    const [revoked, ended, leaving] = many(3) as [AccessKey, AccessKey, AccessKey]
    const all = [
      { ...revoked, spec: { ...revoked.spec, revoked: {} } },
      { ...ended, status: { state: 'Expired' as const } },
      { ...leaving, metadata: { ...leaving.metadata, deletionTimestamp: second(9) } },
      ...many(most + 2).slice(3),
    ]
    const names = namesOf(countedAccessKeys(all))
    expect(names).toHaveLength(most)
    expect(names).toContain(`k${most + 1}`)
    expect(names).toContain('k0')
    expect(names).not.toContain('k1')
    expect(names).not.toContain('k2')
  })

  it('are the same in whatever order they are looked at, one by one or together', () => {
    const times = fc.array(fc.record({ at: fc.nat(20), over: fc.boolean(), leaving: fc.boolean() }), {
      minLength: most - 5,
      maxLength: most + 30,
    })
    fc.assert(
      fc.property(times, fc.infiniteStream(fc.nat()), (given, numbers) => {
        const all = given.map(({ at, over, leaving }, index) => {
          const key = keyAt(at, `k${index}`)
          const metadata = { ...key.metadata, ...(leaving && { deletionTimestamp: second(99) }) }
          return { ...key, metadata, spec: { ...key.spec, ...(over && { revoked: {} }) } }
        })
        const order = all.map(key => ({ key, by: numbers.next().value as number })).sort((a, b) => a.by - b.by)
        const counted = namesOf(countedAccessKeys(order.map(({ key }) => key)))
        const present = all.filter(({ metadata }) => !metadata.deletionTimestamp)
        expect(counted).toEqual(namesOf(present.filter(key => !isBeyondShare(key, all))))
      }),
      { numRuns: 50 },
    )
  })
})

describe('what one client puts into a slice', () => {
  const checkout = client('partners', 'checkout', { serviceAccounts: [{ name: 'web' }, { name: 'batch' }] })
  const spaces = namespaces(namespace('partners'))
  const rules = { installation: 'default', issuerUrl, clientIds: new Map() }
  const one = resolveClients({ clients: [checkout], namespaces: spaces, ...rules }).get('partners/checkout')
  if (!one) throw new Error('no client')

  it('are the keys of the oldest AccessKeys, and after one of them is deleted those of the next', () => {
    const all = many(most + 1).map((key, at) => {
      const publicKey = { kty: 'OKP', crv: 'Ed25519', x: Buffer.alloc(32, at + 1).toString('base64url') } as const
      const entry = { kid: thumbprint(publicKey), state: 'Active' as const, publicKey, notBefore: second(0) }
      return { ...key, status: { clientId: one.clientId, keys: [entry] } }
    })
    const names = (keys: readonly AccessKey[]) => clientKeys(one, keys).map(({ key }) => key.accessKey)
    expect(names(all)).toHaveLength(most)
    expect(names(all)).not.toContain(`k${most}`)
    expect(names(all.slice(1))).toContain(`k${most}`)
  })

  it('are the pods that came first, of all its service accounts together', () => {
    const accounts = new Map(
      ['web', 'batch'].map(name => [`partners/${name}`, { metadata: { name, namespace: 'partners', uid: name } }]),
    ) as ReadonlyMap<string, ServiceAccountObject>
    const podAt = (account: string, at: number): PodObject => ({
      metadata: {
        name: `${account}-${at}`,
        namespace: 'partners',
        uid: `${account}-${at}`,
        creationTimestamp: second(at),
      },
      spec: { serviceAccountName: account },
    })
    const podsOf = (key: string) => {
      const account = key.slice('partners/'.length)
      return Array.from({ length: mostPods / 2 + 2 }, (_, at) => podAt(account, at)).reverse()
    }
    const rows = serviceAccountRows(one, accounts, podsOf, 0)
    expect(rows.map(({ pods }) => pods.length)).toEqual([mostPods / 2, mostPods / 2])
    expect(rows[0]?.pods).not.toContain(`web-${mostPods / 2}`)
  })

  it('fits into the slice that a guard takes by default, six times over, at its largest', () => {
    const keys = Array.from({ length: most * 16 }, (_, at) => ({
      key: {
        kid: 'k'.repeat(43),
        accessKey: 'a'.repeat(63),
        algorithm: 'RS256' as const,
        publicKey: { kty: 'RSA' as const, n: 'n'.repeat(683), e: 'AQAB' },
        notBefore: 1_800_000_000 + at,
        notAfter: 1_900_000_000,
      },
    }))
    const pods = Array.from({ length: mostPods }, (_, at) => `${at}`.padStart(36, '0'))
    const row = clientRow(
      one,
      { namespace: 'shop', name: 'orders' },
      { keys, secrets: [], serviceAccounts: [{ name: 'web', uid: 'u'.repeat(36), pods }] },
    )
    expect(6 * JSON.stringify(row).length).toBeLessThan(sliceBound(192 * 2 ** 20))
  })
})
