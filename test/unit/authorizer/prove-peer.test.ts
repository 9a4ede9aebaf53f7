import { request } from 'node:https'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTlsSource, type TlsSource } from '../../../platform/http/tls-source.ts'
import { createAuthority, createServerCertificate } from '../../../platform/x509.ts'
import { createClientCertificate } from './client-certificate.ts'
import { checkOf, openGrpc } from './grpc-client.ts'
import { type Rig, secretOf, startAuthorizer } from './rig.ts'

type Certificate = Awaited<ReturnType<typeof createClientCertificate>>
let authority: string
let server: { certificate: string; privateKey: string }
let listed: Certificate
let unlisted: Certificate
let foreign: Certificate
let quoted: Certificate
let rig: Rig
let nowMs = Date.now()

beforeAll(async () => {
  const now = new Date()
  const made = await createAuthority({ commonName: 'test', now, lifetimeMs: 86_400_000 })
  authority = made.certificate
  server = await createServerCertificate({ authority: made, hosts: ['127.0.0.1'], now, lifetimeMs: 86_400_000 })
  const dns = (value: string) => createClientCertificate([{ type: 'dns', value }])
  ;[listed, unlisted, foreign] = await Promise.all([
    dns('envoy.edge.svc'),
    dns('other.edge.svc'),
    dns('envoy.edge.svc'),
  ])
  // A URI that, printed carelessly, reads as a second name.
  quoted = await createClientCertificate([{ type: 'url', value: 'http://x/, DNS:envoy.edge.svc' }])
  rig = await startAuthorizer({ tls: tlsWith([listed, unlisted, quoted]), now: () => nowMs })
})
afterAll(() => rig.close())

function tlsWith(trusted: readonly Certificate[] | undefined): TlsSource {
  const ca = trusted?.map(({ certificate }) => certificate).join('\n')
  return createTlsSource({ cert: server.certificate, key: server.privateKey, ...(ca !== undefined && { ca }) })
}

/** The reason of a check over HTTP, and of one over gRPC. */
async function reasons(
  port: { http: number; grpc: number },
  shown?: Certificate,
  headers: Record<string, string> = {},
) {
  const identity = shown && { cert: shown.certificate, key: shown.privateKey }
  return [await overHttp(port.http, identity, headers), await overGrpc(port.grpc, identity, headers)]
}
type Identity = { cert: string; key: string } | undefined

function overHttp(port: number, identity: Identity, headers: Record<string, string>): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const path = '/check/shop/orders/open/x'
    request({ host: '127.0.0.1', port, path, headers, ca: authority, agent: false, ...identity }, response => {
      response.resume()
      resolve(/reason=(\w+)/.exec(String(response.headers['latchkey-decision']))?.[1])
    })
      .on('error', reject)
      .end()
  })
}

async function overGrpc(
  port: number,
  identity: Identity,
  headers: Record<string, string>,
): Promise<string | undefined> {
  const client = openGrpc(`https://127.0.0.1:${port}`, { ca: authority, ...identity })
  const { response } = await client.check(checkOf({ target: '/open/x' }), headers)
  client.close()
  const { case: kind, value } = response?.httpResponse ?? {}
  return kind === 'deniedResponse' ? JSON.parse(value?.body ?? '').code : 'public'
}

const both = (reason: string) => [reason, reason]

describe('a proxy is known by its certificate', () => {
  it('when a listed name is in it', async () => {
    expect(await reasons(rig, listed)).toEqual(both('public'))
  })
  it.each<[string, () => Certificate | undefined]>([
    ['none', () => undefined],
    ['one with another name', () => unlisted],
    ['one with the right name by an authority nobody trusts', () => foreign],
    ['one whose URI spells out a listed name', () => quoted],
  ])('and not with %s', async (_, shown) => {
    expect(await reasons(rig, shown())).toEqual(both('peer_unknown'))
  })
  it('and not on a connection that outlives it', async () => {
    nowMs += 3_700_000
    expect(await reasons(rig, listed)).toEqual(both('peer_unknown'))
    nowMs -= 3_700_000
  })
  it('and not where no authority is configured: Node would trust its own list', async () => {
    const plain = await startAuthorizer({ tls: tlsWith(undefined) })
    expect(await reasons(plain, listed)).toEqual(both('peer_unknown'))
    expect(await reasons(plain, listed, { 'latchkey-peer-secret': secretOf('envoy') })).toEqual(both('public'))
    await plain.close()
  })
  it('and not when certificate and secret name two', async () => {
    expect(await reasons(rig, listed, { 'latchkey-peer-secret': secretOf('nginx') })).toEqual(both('peer_unknown'))
    expect(await reasons(rig, listed, { 'latchkey-peer-secret': secretOf('envoy') })).toEqual(both('public'))
  })
})

describe('a proxy is known by its secret', () => {
  it('old and new while both are in its file, and by the new one only afterwards', async () => {
    const [old, next] = [secretOf('envoy'), 'n'.repeat(40)]
    const known = async () =>
      [
        await reasons(rig, undefined, { 'latchkey-peer-secret': old }),
        await reasons(rig, undefined, { 'latchkey-peer-secret': next }),
      ].map(([reason]) => reason)
    expect(await known()).toEqual(['public', 'peer_unknown'])
    rig.book.setSecrets('envoy', [old, next])
    expect(await known()).toEqual(['public', 'public'])
    rig.book.setSecrets('envoy', [next])
    expect(await known()).toEqual(['peer_unknown', 'public'])
    rig.book.setSecrets('envoy', [old])
  })
})
