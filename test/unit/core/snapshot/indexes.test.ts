import { describe, expect, test } from 'vitest'
import { lookup } from '../../../../core/base/shared-map.ts'
import { clientId, clientRow, grantRow, serviceRow } from '../fixture.ts'
import { createFollowed } from './builder.ts'

describe('grants of a client', () => {
  const grants = [
    grantRow('d', 'reader'),
    grantRow('a', 'writer'),
    grantRow('c', 'reader'),
    grantRow('e', 'auditor'),
    grantRow('b', 'reader'),
  ]
  const sorted = ['e', 'b', 'c', 'd', 'a']
  const namesOf = (of: { readonly grants: readonly { readonly name: string }[] } | undefined) =>
    of?.grants.map(({ name }) => name)

  test.each([
    ['as they stand', grants],
    ['the other way round', [...grants].reverse()],
    ['sorted by name', [...grants].sort((a, b) => (a.name < b.name ? -1 : 1))],
  ])('are sorted by role, then by name, when they came %s', (_, rows) => {
    const found = lookup(createFollowed([serviceRow(), ...rows]).change([]).grantsByClient, clientId)
    expect(namesOf(found)).toEqual(sorted)
    expect(found?.roles).toEqual(['auditor', 'reader', 'writer'])
  })

  test('stay sorted when one comes, moves to another role or leaves', () => {
    const { change } = createFollowed([serviceRow(), ...grants])
    const of = (snapshot: ReturnType<typeof change>) => lookup(snapshot.grantsByClient, clientId)
    expect(namesOf(of(change([grantRow('bb', 'reader')])))).toEqual(['e', 'b', 'bb', 'c', 'd', 'a'])
    expect(namesOf(of(change([grantRow('bb', 'writer')])))).toEqual(['e', 'b', 'c', 'd', 'a', 'bb'])
    const left = of(change([], ['grant/bb', 'grant/e']))
    expect(namesOf(left)).toEqual(['b', 'c', 'd', 'a'])
    expect(left?.roles).toEqual(['reader', 'writer'])
  })
})

describe('clients that share a name of their credentials', () => {
  const account = { name: 'app', uid: 'u', pods: ['p'] }
  const one = clientRow({ clientId: 'sc_one', serviceAccounts: [account] })
  const other = clientRow({ clientId: 'sc_other', serviceAccounts: [account] })

  test('are both found by it, and the one that stays when the other leaves', () => {
    const { change } = createFollowed([serviceRow(), one, other])
    const found = ({ clientsBy }: ReturnType<typeof change>) =>
      [lookup(clientsBy.ClientToken, one.issuer), lookup(clientsBy.ServiceAccountToken, 'billing/app')].map(entries =>
        entries?.map(({ row }) => row.clientId),
      )
    expect(found(change([]))).toEqual([
      ['sc_one', 'sc_other'],
      ['sc_one', 'sc_other'],
    ])
    expect(found(change([], ['client/sc_one']))).toEqual([['sc_other'], ['sc_other']])
    expect(found(change([], ['client/sc_other']))).toEqual([undefined, undefined])
  })

  test('a client without service accounts is found by none', () => {
    const { clients, clientsBy } = createFollowed([serviceRow(), clientRow()]).change([])
    expect([clients.size, clientsBy.ClientToken.size, clientsBy.ServiceAccountToken.size]).toEqual([1, 1, 0])
  })
})
