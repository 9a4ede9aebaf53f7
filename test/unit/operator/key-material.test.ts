import { ed25519 } from '@noble/curves/ed25519.js'
import { expect, test } from 'vitest'
import type { PublicJwk } from '../../../core/api/access-key.ts'
import { thumbprint } from '../../../core/jose/jwk.ts'
import { desiredSecret, type SecretObject } from '../../../core/keys/secret-data.ts'
import { generateKeyMaterial, proveSecretKey } from '../../../operator/access-key/key-material.ts'
import { smallOrderPoints } from '../../builders/ed25519-points.ts'
import { accessKeyOf } from '../core/keys/access-key-store.ts'

/** A Secret whose parts are the material's, under a public half of our choice. */
function secretWith(material: Awaited<ReturnType<typeof generateKeyMaterial>>, publicKey: PublicJwk): SecretObject {
  const kid = thumbprint(publicKey)
  const files = {
    'key-id': kid,
    'private.jwk': JSON.stringify({ ...material.privateJwk, ...publicKey, kid }),
    'private.pem': material.privatePem,
  }
  const data = Object.fromEntries(
    Object.entries(files).map(([name, text]) => [name, Buffer.from(text).toString('base64')]),
  )
  return desiredSecret(accessKeyOf(), { slot: 'mounted', files: data })
}

test.each(['Ed25519', 'ES256', 'RS256'] as const)('a %s key whose halves fit is proved', async algorithm => {
  const material = await generateKeyMaterial(algorithm)
  expect(proveSecretKey(secretWith(material, material.publicKey), algorithm)?.kid).toBe(material.kid)
})

test.each(smallOrderPoints.slice(1))(
  'a public half that is not what the private one derives is no key, even where it differs by a point of small order: %s',
  async point => {
    const material = await generateKeyMaterial('Ed25519')
    const { x = '' } = material.publicKey
    const own = ed25519.Point.fromBytes(Buffer.from(x, 'base64url'))
    const mixed = Buffer.from(own.add(ed25519.Point.fromHex(point)).toBytes()).toString('base64url')
    const secret = secretWith(material, { ...material.publicKey, x: mixed } as PublicJwk)
    expect(proveSecretKey(secret, 'Ed25519')).toBeUndefined()
  },
)

test('files that hold two keys are no key', async () => {
  const [one, other] = [await generateKeyMaterial('Ed25519'), await generateKeyMaterial('Ed25519')]
  const secret = secretWith({ ...one, privatePem: other.privatePem }, one.publicKey)
  expect(proveSecretKey(secret, 'Ed25519')).toBeUndefined()
})
