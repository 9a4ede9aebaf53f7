import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, expect, it } from 'vitest'
import { bundle } from '../../../../bundling/bundle.ts'
import type { createGrantServer } from '../../../../issuer/tokens/grant-server.ts'
import { createServer } from '../../../../platform/http/server.ts'
import { createQuietLog } from '../../platform/quiet-log.ts'
import { makePair, readParts } from './rig.ts'

// Beside the packages: what is left out of the second bundle is found there.
const directory = mkdtempSync(join(import.meta.dirname, '../../../../node_modules/.bundled-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

/** What a bundled grant server answers to a request of a client that was proved. */
async function askBundled(file: string) {
  const made: { createGrantServer: typeof createGrantServer } = await import(file)
  const { privateKey, kid } = makePair()
  const { log } = createQuietLog()
  const service = { audience: 'https://orders.shop.svc', service: { spec: {} } }
  const grants = made.createGrantServer({
    issuer: 'https://i.test/default',
    signers: [{ kid, algorithm: 'Ed25519', alg: 'EdDSA', privateKey: privateKey.export({ format: 'jwk' }) as never }],
    clients: { granted: () => ({ roles: ['reader'], scopes: new Set() }) },
    services: () => [service as never],
    isOfOneService: true,
    now: () => 0,
    log,
  })
  const form = { get: () => undefined, resources: [], entries: () => [['grant_type', 'client_credentials']] as const }
  const proved = { client: { clientId: 'partners.checkout' }, key: { key: { kid: 'first', notBefore: 0 } } }
  const handler = (_request: unknown, response: Parameters<typeof grants.answer>[2]) =>
    grants.answer(form as never, proved as never, response)
  const server = createServer({ name: 'bundled', host: '127.0.0.1', port: 0, handler, log })
  const { port } = await server.listen()
  const answer = await fetch(`http://127.0.0.1:${port}`)
  const body = (await answer.json()) as { access_token: string; expires_in: number }
  await server.close(0)
  return { status: answer.status, body }
}

it('gives tokens with an end and with roles as it is bundled: oidc-provider goes by names of its classes', async () => {
  await bundle('issuer', directory)
  const chunk = readdirSync(join(directory, 'issuer')).find(name => /^grant-server-\w+\.mjs$/.test(name)) ?? ''
  const { status, body } = await askBundled(join(directory, 'issuer', chunk))
  const { claims } = readParts(body.access_token)
  expect([status, body.expires_in, claims.exp, claims.roles]).toEqual([200, 300, Number(claims.iat) + 300, ['reader']])
})

it('gives no token at all in a build that lost these names', async () => {
  const outfile = join(directory, 'nameless.mjs')
  await build({
    ...{ entryPoints: ['issuer/tokens/grant-server.ts'], outfile, bundle: true, platform: 'node', format: 'esm' },
    minifySyntax: true,
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  })
  expect(await askBundled(outfile)).toMatchObject({ status: 500, body: { error: 'server_error' } })
})
