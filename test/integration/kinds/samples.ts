import { generateKeyPairSync } from 'node:crypto'
import { apiVersion } from '../../../core/api/kind.ts'
import * as resources from '../../../platform/kube/resources.ts'

/** Our kinds as the API server serves them. */
export const resourceOf = {
  ApiClient: resources.apiClients,
  AccessKey: resources.accessKeys,
  Role: resources.roles,
  AccessGrant: resources.accessGrants,
  GuardedService: resources.guardedServices,
} as const

/** One object of each kind with every field set, so that a test can spoil any of them. */
export interface Sample {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { name: string; namespace: string }
  readonly spec: Record<string, unknown>
}

const metadata = (name: string) => ({ name, namespace: 'default' })
const jwk = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })

export function sampleOf(kind: string): Sample {
  const sample = samples[kind]
  if (!sample) throw new Error(`no sample of ${kind}`)
  return structuredClone(sample)
}

const samples: Record<string, Sample> = {
  ApiClient: {
    apiVersion,
    kind: 'ApiClient',
    metadata: metadata('checkout'),
    spec: {
      displayName: 'Checkout',
      owner: { user: 'ada', group: 'payments', email: 'ada@example.org' },
      type: 'Workload',
      organization: 'acme',
      clientId: 'default.checkout',
      serviceAccounts: [{ name: 'checkout' }],
      identity: 1,
      suspended: false,
    },
  },
  AccessKey: {
    apiVersion,
    kind: 'AccessKey',
    metadata: metadata('checkout'),
    spec: {
      clientRef: { name: 'checkout' },
      type: 'KeyPair',
      algorithm: 'ES256',
      secretName: 'checkout-key',
      secretTemplate: { labels: { team: 'payments' }, annotations: { note: 'x' } },
      roles: [{ namespace: 'default', name: 'reader' }],
      validity: '720h',
      keysNotBefore: '2026-01-01T00:00:00Z',
      deletionPolicy: 'Delete',
    },
  },
  Role: {
    apiVersion,
    kind: 'Role',
    metadata: metadata('reader'),
    spec: {
      rules: [
        {
          services: ['orders'],
          methods: ['GET'],
          paths: ['/orders', '/orders/{tenant}/**'],
          when: [
            { attributeEquals: { param: 'tenant', attribute: 'tenant' } },
            { organizationEquals: { param: 'tenant' } },
            { scopeContains: { scope: 'orders.read' } },
          ],
        },
        { services: ['orders'], permissions: [{ action: 'read', resources: ['orders/{tenant}', '**'] }] },
      ],
    },
  },
  AccessGrant: {
    apiVersion,
    kind: 'AccessGrant',
    metadata: metadata('checkout-reads-orders'),
    spec: {
      roleRef: { name: 'reader' },
      clients: [{ namespace: 'default', name: 'checkout' }],
      attributes: { tenant: 'acme' },
      limit: { requests: 600, per: '1m' },
      actFor: 'None',
      expiresAt: '2030-01-01T00:00:00Z',
    },
  },
  GuardedService: {
    apiVersion,
    kind: 'GuardedService',
    metadata: metadata('orders'),
    spec: {
      targetRef: { group: '', kind: 'Service', name: 'orders', port: 80 },
      audience: 'https://orders.default.svc',
      routes: [
        {
          name: 'list',
          path: '/orders',
          methods: ['GET'],
          permission: { action: 'read', resource: 'orders' },
          tags: { kind: 'orders', pci: '' },
          variants: 'Refuse',
          mode: 'Audit',
        },
      ],
      public: [{ path: '/healthz', methods: ['GET'] }],
      accepts: ['ClientToken'],
      mode: 'Enforce',
      maxStaleness: '24h',
      directAccess: 'Refuse',
      keepCredential: 'Never',
      oauth: { accessTokenLifetime: '10m' },
    },
  },
}

/** A public key brought along; it takes the place of secretName and ES256. */
export function broughtKey(): Sample {
  const sample = sampleOf('AccessKey')
  const { secretName: _, ...spec } = sample.spec
  return { ...sample, spec: { ...spec, algorithm: 'Ed25519', publicKey: { kty: 'OKP', crv: 'Ed25519', x: jwk.x } } }
}
