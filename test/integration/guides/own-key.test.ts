import { createPublicKey, verify } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import type { AccessKey } from '../../../core/api/access-key.ts'
import { accessKey as kind } from '../../../core/api/access-key.ts'
import { schemaFaultOf } from '../../../core/api/kind.ts'
import { checkPublicKey, thumbprint } from '../../../core/jose/jwk.ts'
import { tokenProvider } from '../../../sdk/token-provider.ts'
import { repositoryRoot } from '../../cluster/binaries.ts'
import { run } from '../../cluster/command.ts'

const issuer = 'https://latchkey-issuer.latchkey-system.svc/default'
let folder: string
let accessKey: AccessKey
let secret: { type: string; metadata: object; stringData: Record<string, string> }
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'own-key-'))
  const script = join(repositoryRoot, 'examples/own-key/make-key.sh')
  await run('sh', [script, 'web', 'checkout', 'web', 'checkout.web', issuer], { cwd: folder })
  accessKey = parse(readFileSync(join(folder, 'accesskey.yaml'), 'utf8'))
  secret = parse(readFileSync(join(folder, 'secret.yaml'), 'utf8'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('a key of one’s own, made as the guide says, is a key that an AccessKey takes', () => {
  expect(schemaFaultOf(kind, accessKey.spec)).toBeUndefined()
  const { publicKey } = accessKey.spec
  expect(publicKey && checkPublicKey(publicKey, 'Ed25519')).toBeUndefined()
  expect(publicKey && thumbprint(publicKey)).toBe(secret.stringData['key-id'])
  expect(Object.keys(publicKey ?? {}).sort()).toEqual(['crv', 'kty', 'x'])
})

test('its private half is nobody else’s to read, and not in the AccessKey', () => {
  const jwk = JSON.parse(secret.stringData['private.jwk'] ?? '')
  expect(readFileSync(join(folder, 'accesskey.yaml'), 'utf8')).not.toContain(jwk.d)
  expect(statSync(join(folder, 'secret.yaml')).mode & 0o077).toBe(0)
})

test('the SDK signs with its Secret, bound as any minted one, and the public half verifies', async () => {
  const binding = join(folder, 'bindings/web')
  mkdirSync(binding, { recursive: true })
  for (const [name, text] of Object.entries(secret.stringData)) writeFileSync(join(binding, name), text)
  expect(secret.type).toBe(`servicebinding.io/${secret.stringData.type}`)
  const provider = await tokenProvider({ env: { SERVICE_BINDING_ROOT: join(folder, 'bindings') } })
  const [header = '', claims = '', signature = ''] = (await provider.token('https://orders.shop.svc')).split('.')
  const key = createPublicKey({ key: { ...accessKey.spec.publicKey } as never, format: 'jwk' })
  expect(verify(null, Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url'))).toBe(true)
  const said = JSON.parse(Buffer.from(claims, 'base64url').toString())
  expect(said).toMatchObject({ iss: `${issuer}/v1/clients/checkout.web`, sub: 'checkout.web' })
  provider.close()
})
