import { createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { createAuthority, createServerCertificate, liveCertificates, readCertificate } from '../../../platform/x509.ts'

const day = 86_400_000
const now = new Date()

test('a certificate of the authority is taken by a TLS client for each of its names and refused for others', async () => {
  const authority = await createAuthority({ commonName: 'latchkey test', now, lifetimeMs: 10 * day })
  const issued = await createServerCertificate({
    authority,
    hosts: ['latchkey-issuer.latchkey-system.svc', '127.0.0.1'],
    now,
    lifetimeMs: day,
  })
  const server = createServer({ cert: issued.certificate, key: issued.privateKey }, (_, response) => response.end('ok'))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const ask = (servername: string | undefined, ca: string): Promise<number | string> =>
    new Promise(resolve => {
      const asked = request(
        { host: '127.0.0.1', port, ca, agent: false, ...(servername !== undefined && { servername }) },
        response => {
          response.resume()
          resolve(response.statusCode ?? 0)
        },
      )
      asked.on('error', error => resolve((error as NodeJS.ErrnoException).code ?? ''))
      asked.end()
    })
  expect(await ask('latchkey-issuer.latchkey-system.svc', authority.certificate)).toBe(200)
  expect(await ask(undefined, authority.certificate)).toBe(200)
  expect(await ask('other.latchkey-system.svc', authority.certificate)).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
  const other = await createAuthority({ commonName: 'latchkey test', now, lifetimeMs: day })
  expect(await ask('latchkey-issuer.latchkey-system.svc', other.certificate)).toMatch(/^(UNABLE|CERT|SELF|ERR_SSL)/)
  server.close()
})

test('what is read from a certificate says whose it is, whether its key fits and when it ends', async () => {
  const authority = await createAuthority({ commonName: 'latchkey test', now, lifetimeMs: 10 * day })
  const other = await createAuthority({ commonName: 'latchkey test', now, lifetimeMs: 10 * day })
  const issued = await createServerCertificate({ authority, hosts: ['a.svc', '10.0.0.1'], now, lifetimeMs: day })
  const facts = readCertificate(issued)
  expect(facts?.hosts).toEqual(['a.svc', '10.0.0.1'])
  expect(facts?.keyFits).toBe(true)
  expect(facts?.signedBy(authority.certificate)).toBe(true)
  expect(facts?.signedBy(other.certificate)).toBe(false)
  expect(Math.abs((facts?.notAfter.getTime() ?? 0) - now.getTime() - day)).toBeLessThan(1_000)
  expect(readCertificate({ ...issued, privateKey: other.privateKey })?.keyFits).toBe(false)
  expect(readCertificate({ certificate: 'torn', privateKey: issued.privateKey })).toBeUndefined()
})

test('a bundle keeps each live authority once and drops the ended ones', async () => {
  const old = await createAuthority({ commonName: 'old', now: new Date(now.getTime() - 3 * day), lifetimeMs: day })
  const current = await createAuthority({ commonName: 'new', now, lifetimeMs: day })
  const bundle = liveCertificates([current.certificate, `${old.certificate}${current.certificate}`, 'text'], now)
  expect(bundle).toEqual([current.certificate])
})
