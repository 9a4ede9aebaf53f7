import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createCaller, issuer } from '../guard/policy-rows.ts'

export { issuer }
export const service = 'shop/orders'
export const clientId = 'callers.alice'

/** The policy behind all inputs: some paths open, some granted to one client, all others denied. */
export interface Access {
  writeTo(folder: string): Promise<void>
  /** A token for the client. All of them are of one length. */
  token(): string
}

const yaml = (publicKey: object): string => `apiVersion: latchkey.dev/v1alpha1
kind: GuardedService
metadata: { name: orders, namespace: shop }
spec:
  targetRef: { name: orders, port: 80 }
  public: [{ path: /open/**, methods: [GET, HEAD, POST] }]
---
apiVersion: latchkey.dev/v1alpha1
kind: ApiClient
metadata: { name: alice, namespace: callers }
spec: { clientId: ${clientId} }
---
apiVersion: latchkey.dev/v1alpha1
kind: AccessKey
metadata: { name: alice, namespace: callers }
spec:
  clientRef: { name: alice }
  publicKey: ${JSON.stringify(publicKey)}
---
apiVersion: latchkey.dev/v1alpha1
kind: Role
metadata: { name: caller, namespace: shop }
spec:
  rules: [{ services: [orders], methods: [GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS], paths: ['/api/**'] }]
---
apiVersion: latchkey.dev/v1alpha1
kind: AccessGrant
metadata: { name: alice-calls, namespace: shop }
spec:
  roleRef: { name: caller }
  clients: [{ namespace: callers, name: alice }]
  attributes: { tenant: acme }
`

export function createAccess(): Access {
  const alice = createCaller('alice', clientId)
  const sign = (): string => {
    const now = Math.floor(Date.now() / 1_000)
    return alice.token({ iss: `${issuer}/v1/clients/${clientId}`, sub: clientId, client_id: clientId, exp: now + 840 })
  }
  let token = sign()
  let signedAt = performance.now()
  return {
    writeTo: folder => writeFile(join(folder, 'access.yaml'), yaml(alice.key.publicKey)),
    token() {
      if (performance.now() - signedAt > 300_000) {
        token = sign()
        signedAt = performance.now()
      }
      return token
    },
  }
}
