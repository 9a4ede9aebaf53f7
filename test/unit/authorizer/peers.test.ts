import { describe, expect, it } from 'vitest'
import { readPeers, servicesOf } from '../../../authorizer/peers/peers.ts'
import { readSecrets } from '../../../authorizer/peers/prove-peer.ts'

const good = { name: 'edge', proxy: 'Nginx', services: ['shop/orders'], secretFile: 's' }

describe('the list of peers', () => {
  it('takes a peer that proves itself by secret, by certificate or by both', () => {
    const other = { ...good, name: 'other', secretFile: undefined, certificateNames: ['a.b', 'spiffe://c/ns/x'] }
    const read = readPeers([good, other])
    expect(read).toMatchObject({ peers: [{ name: 'edge', certificateNames: [] }, { name: 'other' }] })
  })
  it('names headers that a proxy takes off in lower case', () => {
    expect(readPeers([{ ...good, keyHeaders: ['X-Api-Key'] }])).toMatchObject({
      peers: [{ keyHeaders: ['x-api-key'] }],
    })
  })
  it('may be empty: then nobody may ask', () => {
    expect(readPeers([])).toEqual({ peers: [] })
  })
  it.each<[string, unknown, string]>([
    ['that is no list', {}, 'peers: expected a list'],
    ['with an entry that is none', ['edge'], 'peers[0].name'],
    ['with an empty entry', [null], 'peers[0].name'],
    [
      'with a misspelt field',
      [{ ...good, service: 'a/b' }],
      'peers[0].service: there is no such field; did you mean services?',
    ],
    ['with a proxy nobody knows', [{ ...good, proxy: 'nginx' }], 'peers[0].proxy: expected one of Envoy'],
    ['without services', [{ ...good, services: [] }], 'peers[0].services'],
    ['with all services', [{ ...good, services: ['*'] }], 'peers[0].services'],
    ['with all services of a namespace', [{ ...good, services: ['shop/*'] }], 'peers[0].services'],
    ['without a proof', [{ ...good, secretFile: undefined }], 'to prove who it is'],
    ['with a wildcard for a name', [{ ...good, certificateNames: ['*.edge.svc'] }], 'peers[0].certificateNames'],
    ['with names that are none', [{ ...good, certificateNames: 'a.b' }], 'peers[0].certificateNames'],
    ['with headers that are none', [{ ...good, keyHeaders: ['x api'] }], 'peers[0].keyHeaders: expected names'],
    ['with a text for headers', [{ ...good, keyHeaders: 'x-api-key' }], 'peers[0].keyHeaders: expected names'],
    [
      'with headers that nobody saw it take off',
      [{ ...good, proxy: 'Traefik', keyHeaders: ['x-api-key'] }],
      'peers[0].keyHeaders: only Nginx and HAProxy are known to take a header off; behind others use Authorization: Basic',
    ],
    [
      'with headers, for Envoy',
      [{ ...good, proxy: 'Envoy', keyHeaders: ['x-api-key'] }],
      'take a header off; Envoy is told by itself',
    ],
    ['with two of one name', [good, good], 'edge stands for two'],
    [
      'with one certificate name for two',
      [
        { ...good, certificateNames: ['a.b'] },
        { ...good, name: 'b', certificateNames: ['a.b'] },
      ],
      'a.b stands for two',
    ],
  ])('is refused %s', (_, value, mistake) => {
    const read = readPeers(value)
    expect('mistakes' in read && read.mistakes.join()).toContain(mistake)
  })
  it('names each service once', () => {
    const read = readPeers([good, { ...good, name: 'b', services: ['shop/basket', 'shop/orders'] }])
    expect('peers' in read && servicesOf(read.peers)).toEqual(['shop/basket', 'shop/orders'])
  })
})

describe('a file of secrets', () => {
  const [first, second] = ['a'.repeat(32), 'b'.repeat(32)]
  it('may hold two, so that a proxy can change over', () => {
    expect(readSecrets(`${first}\n${second}\n`)).toEqual([first, second])
  })
  it.each(['', '\n', 'short', `${first} x`, `${first}\nshort`, `${first}ü`])('is refused, unrepeated: %j', content => {
    expect(() => readSecrets(content)).toThrow(/^a secret needs at least 32/)
  })
})
