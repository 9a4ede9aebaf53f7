import { generateKeyPairSync } from 'node:crypto'
import type { AccessGrant } from '../../../../core/api/access-grant.ts'
import type { AccessKey, PublicJwk, PublishedKey } from '../../../../core/api/access-key.ts'
import type { ApiClient } from '../../../../core/api/api-client.ts'
import type { GuardedService } from '../../../../core/api/guarded-service.ts'
import type { Metadata } from '../../../../core/api/kind.ts'
import type { Role } from '../../../../core/api/role.ts'
import { thumbprint } from '../../../../core/jose/jwk.ts'
import type { NamespaceObject, ServiceObject } from '../../../../core/registry/kubernetes.ts'

export const issuerUrl = 'https://issuer.test/default'
export const born = '2026-11-22T10:00:00Z'
export const bornSeconds = Date.parse(born) / 1000

let count = 0
const metadata = (namespace: string, name: string, more: Partial<Metadata> = {}): Metadata => ({
  namespace,
  name,
  uid: `uid-${name}-${count++}`,
  generation: 1,
  creationTimestamp: born,
  ...more,
})

export const namespace = (name: string, labels: Record<string, string> = {}): NamespaceObject => ({
  metadata: { name, uid: `uid-of-${name}`, labels },
})
export const namespaces = (...list: NamespaceObject[]) => new Map(list.map(one => [one.metadata.name, one]))

export const client = (
  at: string,
  name: string,
  spec: ApiClient['spec'] = {},
  more: Partial<Metadata> = {},
): ApiClient => ({ metadata: metadata(at, name, more), spec })

export const service = (
  at: string,
  name: string,
  spec: Partial<GuardedService['spec']> = {},
  more: Partial<Metadata> = {},
): GuardedService => ({ metadata: metadata(at, name, more), spec: { targetRef: { name, port: 80 }, ...spec } })

export const target = (at: string, name: string): [string, ServiceObject] => [
  `${at}/${name}`,
  {
    metadata: metadata(at, name),
    spec: {
      ports: [
        { name: 'http', port: 80 },
        { name: 'admin', port: 81 },
      ],
    },
  },
]

export const role = (at: string, name: string, rules: Role['spec']['rules'], more: Partial<Metadata> = {}): Role => ({
  metadata: metadata(at, name, more),
  spec: { rules },
})

export const grant = (
  at: string,
  name: string,
  spec: AccessGrant['spec'],
  pins: NonNullable<AccessGrant['status']>['clients'] = [],
): AccessGrant => ({ metadata: metadata(at, name), spec, status: { clients: pins } })

export function keyPair(): { kid: string; publicKey: PublicJwk } {
  const { kty, crv, x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' })
  const publicKey = { kty, crv, x } as PublicJwk
  return { kid: thumbprint(publicKey), publicKey }
}

export const published = (
  pair: { kid: string; publicKey: PublicJwk },
  more: Partial<PublishedKey> = {},
): PublishedKey => ({
  ...pair,
  state: 'Active',
  notBefore: born,
  ...more,
})

export const accessKey = (
  at: string,
  name: string,
  spec: AccessKey['spec'],
  status: AccessKey['status'] = {},
  more: Partial<Metadata> = {},
): AccessKey => ({ metadata: metadata(at, name, more), spec, status })
