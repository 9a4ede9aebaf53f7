import { X509Certificate } from 'node:crypto'
import { expect } from 'vitest'
import { issuerKeysFile, readIssuerKeys } from '../../../../core/keys/issuer-keys.ts'
import { rotationRequestedAt } from '../../../../core/keys/rotation-request.ts'
import { secretFile } from '../../../../core/keys/secret-data.ts'
import { type SecretOf, textsOf } from '../../../../operator/owned-objects.ts'
import { apiClients, secrets } from '../../../../platform/kube/resources.ts'
import { until } from '../cluster.ts'
import { rotationScenarios } from './rotation-scenarios.ts'
import {
  createAndWait,
  createWeb,
  expectWhole,
  isReady,
  look,
  mounted,
  patch,
  type Scenario,
  type Scene,
  web,
} from './scene.ts'

const release = 'latchkey-system'
const filesOf = async ({ client }: Scene, name: string) => textsOf(await client.get<SecretOf>(secrets, release, name))

/** Asks for other keys or certificates of the release. Nobody tells a leader: it looks when it starts. */
function requested(
  name: string,
  made: (files: Record<string, string>) => string[],
): Pick<Scenario, 'begins' | 'act' | 'isDone' | 'check'> {
  let before: string[] = []
  const present = async (scene: Scene) => made(await filesOf(scene, name))
  return {
    begins: 'before it leads',
    async act(scene) {
      before = await present(scene)
      // Certificates say their second: none is made in that of the request.
      await new Promise(resolve => setTimeout(resolve, 1_100))
      const annotations = { [rotationRequestedAt]: new Date().toISOString() }
      await scene.client.patch(secrets, release, name, { metadata: { annotations } })
    },
    async isDone(scene) {
      const found = await present(scene)
      return found.length >= Math.max(1, before.length) && found.every(one => !before.includes(one))
    },
    async check(scene, history) {
      const versions = history.versions.filter(({ object }) => object.metadata.name === name)
      const seen = versions.flatMap(({ object }) => made(textsOf(object as unknown as SecretOf)))
      const fresh = new Set(seen.filter(one => !before.includes(one)))
      expect([...fresh].sort()).toEqual((await present(scene)).sort())
    },
  }
}

const servingCertificate = requested('latchkey-issuer-tls', files => [files['tls.crt'] ?? []].flat())

const signs = (certificate: string | undefined, authority: string | undefined) =>
  new X509Certificate(certificate ?? '').verify(new X509Certificate(authority ?? '').publicKey)

/** Each is played once for every write. Another part of a life is another entry. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'a key is minted and published',
    act: createWeb,
    isDone: async scene => isReady(await look(scene)),
    async check(scene, history) {
      await expectWhole(scene)
      expect(history.minted()).toHaveLength(1)
    },
  },
  {
    name: 'a key is revoked',
    prepare: createAndWait,
    act: async scene => void (await patch(scene, { spec: { revoked: { reason: 'leaked' } } })),
    isDone: async scene => isReady(await look(scene), 'Revoked'),
    async check(scene, history) {
      const secret = await mounted(scene)
      expect(secret && secretFile(secret, 'private.jwk')).toBeUndefined()
      expect((await look(scene))?.status?.keys).toMatchObject([{ state: 'Revoked' }])
      expect(history.minted()).toHaveLength(1)
    },
  },
  {
    name: 'a key is replaced after a leak',
    skipsWaiting: true,
    prepare: createAndWait,
    act: async scene => {
      // Keys are told apart by seconds.
      await new Promise(resolve => setTimeout(resolve, 1_100))
      await patch(scene, { spec: { keysNotBefore: new Date().toISOString() } })
    },
    isDone: async scene => {
      const key = await look(scene)
      return isReady(key) && (key?.status?.keys?.length ?? 0) > 1
    },
    async check(scene, history) {
      await expectWhole(scene)
      expect(history.minted()).toHaveLength(2)
      const [leaked] = history.minted()
      const found = (await look(scene))?.status?.keys?.find(({ kid }) => kid === leaked)
      expect(found?.state).toBe('Revoked')
    },
  },
  {
    name: 'a Secret is deleted by hand',
    skipsWaiting: true,
    prepare: createAndWait,
    act: async scene => {
      const before = await mounted(scene)
      await scene.client.delete(secrets, scene.namespace, 'web', {
        preconditions: { uid: before?.metadata.uid ?? '' },
      })
      await patch(scene, { metadata: { annotations: { look: 'now' } } })
    },
    isDone: async scene => isReady(await look(scene)) && ((await look(scene))?.status?.keys?.length ?? 0) > 1,
    async check(scene, history) {
      await expectWhole(scene)
      expect(history.minted()).toHaveLength(2)
    },
  },
  {
    name: 'a client is deleted, and comes back',
    prepare: createAndWait,
    act: async scene => {
      await scene.client.delete(apiClients, scene.namespace, 'web')
      await until(async () => !isReady(await look(scene)), 'the key without its client', 1_000).catch(() => undefined)
      await scene.client.create(apiClients, web({})(scene.namespace))
    },
    isDone: async scene => isReady(await look(scene)),
    async check(scene, history) {
      await expectWhole(scene)
      expect(history.minted()).toHaveLength(1)
    },
  },
  {
    name: 'a serving certificate is renewed',
    ...servingCertificate,
    async check(scene, history) {
      await servingCertificate.check(scene, history)
      const [serving, authority] = await Promise.all(['issuer-tls', 'ca'].map(one => filesOf(scene, `latchkey-${one}`)))
      expect(signs(serving?.['tls.crt'], authority?.['tls.crt'])).toBe(true)
      expect(serving?.['ca.crt']).toBe(authority?.['ca.crt'])
    },
  },
  {
    name: 'the next authority is made and published',
    ...requested('latchkey-ca', files => [files['next.crt'] ?? []].flat()),
  },
  {
    name: "the issuer's next keys are made and published",
    ...requested('latchkey-issuer-keys', files => {
      const next = readIssuerKeys(files[issuerKeysFile]).filter(({ state }) => state === 'Next')
      return next.map(({ kid }) => kid)
    }),
  },
  ...rotationScenarios,
]
