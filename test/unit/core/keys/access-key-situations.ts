import type { AccessKey } from '../../../../core/api/access-key.ts'
import { type SecretObject, secretAnnotations } from '../../../../core/keys/secret-data.ts'
import { clientIdOf } from '../../../../core/registry/ids.ts'
import { reconcileAccessKey } from '../../../../operator/access-key/access-key.ts'
import { at, clientOf, type Store, settle, start } from './access-key-store.ts'

const ed25519 = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' } as const

/** What an AccessKey may be found in, and what comes of it. */
interface Situation {
  readonly spec?: Partial<AccessKey['spec']>
  /** Makes the situation, from a key that was minted and published before, or from nothing. */
  readonly given?: (store: Store) => Promise<void> | void
  readonly from?: 'minted' | 'nothing'
  /** The writes until there is nothing left to write. */
  readonly writes: string[]
  readonly accepted?: string
  readonly ready: string
  readonly state: string
  readonly keys: string[]
}

const foreign: SecretObject = { type: 'Opaque', metadata: { name: 'web', namespace: 'shop' }, data: { a: 'Yg==' } }
const paused = { 'latchkey.dev/paused': 'true' }
const changed = (store: Store, data: Record<string, string>): SecretObject => ({
  ...(store.secret as SecretObject),
  data: { ...store.secret?.data, ...data },
})

export const situations: Record<string, Situation> = {
  'a new key': { from: 'nothing', writes: ['create', 'status'], ready: 'Ready', state: 'Active', keys: ['Active'] },
  'a key that is as it should be': { writes: [], ready: 'Ready', state: 'Active', keys: ['Active'] },
  'a crash after the Secret was created': {
    from: 'nothing',
    given: async store => void (await reconcileAccessKey('shop/web', store.io())),
    writes: ['status'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active'],
  },
  'a Secret that was deleted': {
    given: store => store.putSecret(undefined),
    writes: ['create', 'status'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active', 'Retiring'],
  },
  'a Secret whose key-id was edited': {
    given: store => store.putSecret(changed(store, { 'key-id': 'eA==' })),
    writes: ['update', 'status'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active', 'Retiring'],
  },
  'a Secret without its key number': {
    given(store) {
      const { [secretAnnotations.keyNumber]: _, ...annotations } = store.secret?.metadata.annotations ?? {}
      const secret = store.secret as SecretObject
      store.putSecret({ ...secret, metadata: { ...secret.metadata, annotations } })
    },
    writes: ['update'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active'],
  },
  'a Secret that an earlier AccessKey of this name owned': {
    from: 'nothing',
    given: store =>
      store.putSecret({
        ...foreign,
        metadata: {
          ...foreign.metadata,
          ownerReferences: [
            { apiVersion: 'latchkey.dev/v1alpha1', kind: 'AccessKey', name: 'web', uid: 'was', controller: true },
          ],
        },
      }),
    writes: ['status'],
    ready: 'Pending',
    state: 'Pending',
    keys: [],
  },
  'a paused key': {
    given: store => store.annotate(paused),
    writes: ['status'],
    ready: 'Paused',
    state: 'Active',
    keys: ['Active'],
  },
  'a paused key whose Secret was deleted': {
    given(store) {
      store.annotate(paused)
      store.putSecret(undefined)
    },
    writes: ['status'],
    ready: 'Paused',
    state: 'Active',
    keys: ['Active'],
  },
  'a paused key that is revoked': {
    given(store) {
      store.annotate(paused)
      store.edit({ revoked: {} })
    },
    writes: ['status', 'update', 'status'],
    ready: 'Revoked',
    state: 'Revoked',
    keys: ['Revoked'],
  },
  'a file that can be computed again': {
    given: store => store.putSecret(changed(store, { issuer: 'eA==' })),
    writes: ['update'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active'],
  },
  'a Secret of somebody else': {
    from: 'nothing',
    given: store => store.putSecret(foreign),
    writes: ['status'],
    ready: 'SecretConflict',
    state: 'Pending',
    keys: [],
  },
  'Secrets that are forbidden': {
    from: 'nothing',
    given: store => {
      store.forbidden = true
    },
    writes: ['status'],
    ready: 'SecretForbidden',
    state: 'Pending',
    keys: [],
  },
  'a role that does not exist: the key is minted all the same': {
    from: 'nothing',
    spec: { roles: [{ namespace: 'shop', name: 'reader' }] },
    given: store => {
      store.missingRoles = ['shop/reader']
    },
    writes: ['create', 'status'],
    accepted: 'RoleNotFound',
    ready: 'RoleNotFound',
    state: 'Active',
    keys: ['Active'],
  },
  'a Secret that somebody overwrites each time': {
    async given(store) {
      for (let time = 0; time < 3; time++) {
        store.putSecret(changed(store, { 'key-id': 'eA==' }))
        if (time < 2) await settle(store)
      }
    },
    writes: ['status'],
    ready: 'SecretContended',
    state: 'Active',
    keys: ['Active', 'Retiring', 'Retiring'],
  },
  'a Secret that somebody labels otherwise each time': {
    async given(store) {
      for (let time = 0; time < 3; time++) {
        const secret = store.secret as SecretObject
        const labels = { ...secret.metadata.labels, 'app.kubernetes.io/managed-by': 'platform' }
        store.putSecret({ ...secret, metadata: { ...secret.metadata, labels } })
        if (time < 2) await settle(store)
      }
    },
    writes: ['status'],
    ready: 'SecretAltered',
    state: 'Active',
    keys: ['Active'],
  },
  'a Secret that a policy refuses': {
    from: 'nothing',
    given: store => {
      store.refused = 422
    },
    writes: ['status'],
    ready: 'SecretRefused',
    state: 'Pending',
    keys: [],
  },
  'a Secret that is over a quota: revocation is published all the same': {
    given: store => {
      store.refused = 403
      store.edit({ revoked: {} })
    },
    writes: ['status', 'status'],
    ready: 'SecretRefused',
    state: 'Revoked',
    keys: ['Revoked'],
  },
  'a revocation is published before the Secret is emptied': {
    given: store => store.edit({ revoked: {} }),
    writes: ['status', 'update', 'status'],
    ready: 'Revoked',
    state: 'Revoked',
    keys: ['Revoked'],
  },
  'a revocation where the client is gone': {
    given(store) {
      store.client = undefined
      store.edit({ revoked: {} })
    },
    writes: ['status', 'update', 'status'],
    accepted: 'ClientNotFound',
    ready: 'Revoked',
    state: 'Revoked',
    keys: ['Revoked'],
  },
  'a leak: older keys are revoked before the new one is minted': {
    given(store) {
      store.now += 10
      store.edit({ keysNotBefore: at(9) })
    },
    writes: ['status', 'update', 'status'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active', 'Revoked'],
  },
  'a moment of revocation that is still to come': {
    given: store => store.edit({ keysNotBefore: at(100) }),
    writes: ['status'],
    accepted: 'Invalid',
    ready: 'Invalid',
    state: 'Refused',
    keys: ['Revoked'],
  },
  'a key that has ended': {
    spec: { expiresAt: at(50) },
    given: store => {
      store.now += 60
    },
    writes: ['status'],
    ready: 'Expired',
    state: 'Expired',
    keys: ['Expired'],
  },
  'a key that had ended before it was minted': {
    from: 'nothing',
    spec: { expiresAt: at(-1) },
    writes: ['status'],
    ready: 'Expired',
    state: 'Expired',
    keys: [],
  },
  'a key that ended within this second, whose Secret was deleted': {
    spec: { expiresAt: new Date(start * 1_000 + 50_500).toISOString() },
    given(store) {
      store.now += 50
      store.putSecret(undefined)
    },
    writes: ['status'],
    ready: 'Expired',
    state: 'Expired',
    keys: ['Expired'],
  },
  'an ended key whose Secret was deleted': {
    spec: { validity: '1h' },
    given(store) {
      store.client = clientOf({ type: 'Partner' })
      store.now += 3_700
      store.putSecret(undefined)
    },
    writes: ['status'],
    ready: 'Expired',
    state: 'Expired',
    keys: ['Expired'],
  },
  'an ended key after a leak': {
    spec: { validity: '1h' },
    given(store) {
      store.now += 3_700
      store.edit({ keysNotBefore: at(3_700) })
    },
    writes: ['status', 'update', 'status'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active', 'Revoked'],
  },
  'a brought key': {
    from: 'nothing',
    spec: { publicKey: ed25519 },
    writes: ['status'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active'],
  },
  'a brought key after a leak': {
    spec: { publicKey: ed25519 },
    given(store) {
      store.now += 10
      store.edit({ keysNotBefore: at(5) })
    },
    writes: ['status'],
    ready: 'Revoked',
    state: 'Revoked',
    keys: ['Revoked'],
  },
  'a brought key that another one takes the place of': {
    spec: { publicKey: ed25519 },
    given: store => store.edit({ publicKey: { ...ed25519, x: 'O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik' } }),
    writes: ['status'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active', 'Retiring'],
  },
  'a brought key whose client has another identity': {
    spec: { publicKey: ed25519 },
    given(store) {
      const { client, ...first } = clientOf()
      store.accessKey = {
        ...store.accessKey,
        status: { ...store.accessKey.status, clientId: clientIdOf(client, first.namespaceUid, first.installation) },
      }
      store.client = clientOf({ identity: 2 })
    },
    writes: ['status'],
    ready: 'Revoked',
    state: 'Revoked',
    keys: ['Revoked'],
  },
  'a brought key with a private member': {
    from: 'nothing',
    spec: { publicKey: { ...ed25519, d: 'x' } },
    writes: ['status'],
    accepted: 'PublicKeyInvalid',
    ready: 'PublicKeyInvalid',
    state: 'Refused',
    keys: [],
  },
  'a client that is gone keeps what is published': {
    given: store => {
      store.client = undefined
    },
    writes: ['status'],
    accepted: 'ClientNotFound',
    ready: 'ClientNotFound',
    state: 'Refused',
    keys: ['Active'],
  },
  'a client that is refused': {
    given: store => {
      store.client = clientOf({}, { accepted: false })
    },
    writes: ['status'],
    accepted: 'ClientRefused',
    ready: 'ClientRefused',
    state: 'Refused',
    keys: ['Active'],
  },
  'a client that has as many AccessKeys before it as may count keeps what is published': {
    given: store => {
      store.beyondShare = true
    },
    writes: ['status'],
    accepted: 'TooManyAccessKeys',
    ready: 'TooManyAccessKeys',
    state: 'Refused',
    keys: ['Active'],
  },
  'a new key of such a client is not minted': {
    from: 'nothing',
    given: store => {
      store.beyondShare = true
    },
    writes: ['status'],
    accepted: 'TooManyAccessKeys',
    ready: 'TooManyAccessKeys',
    state: 'Refused',
    keys: [],
  },
  'a client that is suspended: its key reads as dead, and is minted all the same': {
    from: 'nothing',
    given: store => {
      store.client = clientOf({ suspended: true }, { suspended: true })
    },
    writes: ['create', 'status'],
    ready: 'ClientSuspended',
    state: 'Suspended',
    keys: ['Active'],
  },
  'a client that became Personal: a key without end is withdrawn': {
    given: store => {
      store.client = clientOf({ type: 'Personal' })
    },
    writes: ['status'],
    accepted: 'ExpiryRequired',
    ready: 'ExpiryRequired',
    state: 'Refused',
    keys: [],
  },
  'a client of another id: the old key is withdrawn before another is minted': {
    given: store => {
      store.client = clientOf({}, { clientId: 'shop.other', issuer: 'https://i/shop.other' })
    },
    writes: ['status', 'update', 'status'],
    ready: 'Ready',
    state: 'Active',
    keys: ['Active'],
  },
  'what this version does not make': {
    from: 'nothing',
    spec: { type: 'HmacNonce' as never },
    writes: ['status'],
    accepted: 'Unsupported',
    ready: 'Unsupported',
    state: 'Refused',
    keys: [],
  },
}
