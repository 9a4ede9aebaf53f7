import { describe, expect, it } from 'vitest'
import { apiVersion } from '../../../../core/api/kind.ts'
import { checkManifest } from '../../../../core/registry/check-manifest.ts'
import type { ManifestObject } from '../../../../core/registry/manifest-objects.ts'
import { manifestSlice } from '../../../../core/registry/manifests.ts'
import { rowKey } from '../../../../core/rows/rows.ts'
import { readYaml } from '../../../../platform/read-yaml.ts'
import { bornSeconds, issuerUrl, keyPair } from './objects.ts'

const pair = keyPair()
const options = { service: 'shop/orders', issuer: issuerUrl, installation: 'default', now: bornSeconds }
const own = (kind: string, namespace: string, name: string, spec: object): ManifestObject & { spec: object } => ({
  apiVersion,
  kind,
  metadata: { namespace, name },
  spec,
})
const orders = own('GuardedService', 'shop', 'orders', { targetRef: { name: 'orders', port: 'http' } })
const checkout = own('ApiClient', 'partners', 'checkout', {})
const key = own('AccessKey', 'partners', 'key', { clientRef: { name: 'checkout' }, publicKey: pair.publicKey })
const reader = own('Role', 'shop', 'reader', { rules: [{ services: ['orders'], methods: ['GET'], paths: ['/**'] }] })
const reads = own('AccessGrant', 'shop', 'reads', {
  roleRef: { name: 'reader' },
  clients: [{ namespace: 'partners', name: 'checkout' }],
})

describe('manifests', () => {
  it('give the slice a cluster would make, pins and keys computed', () => {
    const { rows, problems } = manifestSlice([orders, checkout, key, reader, reads], options)
    expect(problems).toEqual([])
    expect(rows.map(row => row.type)).toEqual(['service', 'role', 'grant', 'client'])
    expect(rows[3]).toMatchObject({
      clientId: expect.stringMatching(/^sc_/),
      issuer: expect.stringContaining(issuerUrl),
      keys: [{ kid: pair.kid, accessKey: 'key', publicKey: pair.publicKey, notBefore: 0 }],
    })
    expect(rows[2]).toMatchObject({ clients: [rows[3]?.type === 'client' && rows[3].clientId] })
  })

  it('take the uid of a Namespace when there is one, and its installation', () => {
    const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'partners', uid: 'abc' } }
    const idOf = (objects: ManifestObject[]) =>
      manifestSlice(objects, options).rows.flatMap(row => (row.type === 'client' ? row.clientId : []))
    const all = [orders, checkout, key, reader, reads]
    expect(idOf([...all, space])).not.toEqual(idOf(all))
    const blue = { ...space, metadata: { ...space.metadata, labels: { 'latchkey.dev/installation': 'blue' } } }
    expect(idOf([...all, blue])).toEqual([])
  })

  it.each<[string, object, string]>([
    ['a duration', { validity: '30d' }, 'spec.validity: a duration has hours, minutes and seconds'],
    ['a duration further down', { rotation: { every: '30d' } }, 'spec.rotation.every: a duration has hours'],
    [
      'a time of day',
      { rotation: { windows: [{ start: '3am', duration: '2h' }] } },
      'spec.rotation.windows[0].start: a time of day has hours and minutes',
    ],
  ])('say of %s what the API server says, and show no pattern', (_, spec, sentence) => {
    const checked = checkManifest(own('AccessKey', 'partners', 'key', { clientRef: { name: 'checkout' }, ...spec }))
    expect(checked).toEqual({ mistakes: [expect.stringContaining(`AccessKey key: ${sentence}`)] })
    expect(JSON.stringify(checked)).not.toContain('pattern')
  })

  it('say what the next release does not take any more', () => {
    const routes = [{ name: 'r', path: '/r', methods: ['GET'], tags: ['pci'] }]
    const listed = own('GuardedService', 'shop', 'orders', { targetRef: { name: 'orders', port: 80 }, routes })
    const { rows, problems } = manifestSlice([listed], options)
    expect(rows[0]).toMatchObject({ routes: [{ tags: { pci: '' } }] })
    expect(problems).toEqual([
      'GuardedService shop/orders: spec.routes[0].tags: a list is read as words without a value, in this release only; write a map, as in {kind: orders}.',
    ])
  })

  it('say what is left out, and why', () => {
    const minted = own('AccessKey', 'partners', 'minted', { clientRef: { name: 'checkout' } })
    const lost = own('AccessKey', 'partners', 'lost', { clientRef: { name: 'nobody' }, publicKey: pair.publicKey })
    const ended = own('AccessKey', 'partners', 'ended', {
      clientRef: { name: 'checkout' },
      publicKey: pair.publicKey,
      expiresAt: '2020-01-01T00:00:00Z',
    })
    const refused = own('ApiClient', 'partners', 'refused', { clientId: 'shop.x' })
    const unknown = own('AccessGrant', 'shop', 'unknown', {
      roleRef: { name: 'reader' },
      clients: [{ namespace: 'partners', name: 'nobody' }],
    })
    const { problems } = manifestSlice([orders, checkout, refused, minted, lost, ended, reader, unknown], options)
    expect(problems.map(problem => problem.split(':')[0])).toEqual([
      'ApiClient partners/refused',
      'AccessKey partners/minted',
      'AccessKey partners/lost',
      'AccessKey partners/ended',
      'AccessGrant shop/unknown',
    ])
  })

  it('without the service, or with one that is refused, give no rows', () => {
    expect(manifestSlice([checkout], options)).toEqual({
      rows: [],
      problems: ['There is no GuardedService shop/orders.'],
    })
    const stolen = own('GuardedService', 'shop', 'orders', {
      targetRef: { name: 'orders', port: 80 },
      audience: 'https://billing.shop.svc',
    })
    const found = manifestSlice([stolen], options)
    expect(found.rows).toEqual([])
    expect(found.problems).toHaveLength(1)
  })

  it('read the OpenAPI document of a ConfigMap among them', () => {
    const described = own('GuardedService', 'shop', 'orders', {
      targetRef: { name: 'orders', port: 80 },
      openapi: { configMapRef: { name: 'api' } },
    })
    const document = { openapi: '3.1.0', paths: { '/orders': { get: {} } } }
    const configMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'shop', name: 'api' },
      data: { 'openapi.yaml': JSON.stringify(document) },
    }
    const { rows } = manifestSlice([described, configMap], { ...options, read: readYaml })
    expect(rows[0]).toMatchObject({ routes: [{ name: 'get-orders' }] })
    expect(rows.map(rowKey)).toEqual(['service'])
  })
})
