import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readClientKey } from '../../sdk/private-key.ts'
import { tokenProvider } from '../../sdk/token-provider.ts'
import { type ControlPlane, startControlPlane } from '../cluster/control-plane.ts'
import { type ApiServerAccess, askApiServer, usernamePrefix } from '../strangers/api-server.ts'
import { type LocalIssuer, startLocalIssuer } from '../strangers/local-issuer.ts'
import { tamperedTokens } from '../strangers/tampered.ts'

const audience = 'https://orders.shop.svc'
const nobody = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt: []\n'
let issuer: LocalIssuer
let controlPlane: ControlPlane
let server: ApiServerAccess
let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'latchkey-authentication-'))
  const authenticationConfig = join(directory, 'authentication-config.yaml')
  await writeFile(authenticationConfig, nobody, { mode: 0o600 })
  ;[issuer, controlPlane] = await Promise.all([startLocalIssuer(), startControlPlane({ authenticationConfig })])
  server = { url: controlPlane.url, caFile: controlPlane.caFile, authenticationConfig }
})
afterAll(async () => {
  await Promise.all([issuer?.close(), controlPlane?.stop()])
  await rm(directory, { recursive: true, force: true })
})

test('kube-apiserver takes an ES256 client for a user and refuses every tampered token', async () => {
  const jwk = issuer.addClient('sc_es256', 'ES256')
  const key = readClientKey(jwk)
  const tampered = tamperedTokens(key, audience)
  const good = await tokenProvider({ key: jwk }).token(audience)
  const tokens = [good, ...Object.values(tampered)]
  const question = { issuer: key.issuer, audience, caFile: issuer.caFile, tokens }
  const [verdict, ...refused] = await askApiServer(server, question)
  expect(verdict).toEqual({ accepted: true, why: `${usernamePrefix}sc_es256` })
  expect(Object.keys(tampered).filter((_, index) => refused[index]?.accepted !== false)).toEqual([])
}, 180_000)

test('kube-apiserver verifies no Ed25519, so a client for it needs ES256 or RS256', async () => {
  const clients = (['ES256', 'RS256', 'Ed25519'] as const).map(algorithm =>
    issuer.addClient(`sc_${algorithm.toLowerCase()}`, algorithm),
  )
  const tokens = await Promise.all(clients.map(key => tokenProvider({ key }).token(audience)))
  const [first = '', ...others] = clients.map(({ issuer: url = '' }) => url)
  const verdicts = await askApiServer(server, { issuer: first, audience, caFile: issuer.caFile, tokens }, others)
  expect(verdicts.map(({ accepted }) => accepted)).toEqual([true, true, false])
}, 180_000)
