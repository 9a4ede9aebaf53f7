import { alice, issuer } from './policy-rows.ts'

/** What an app's team writes, as YAML: a service, a client with a key of its own, a role and a grant. */
export function accessYaml(
  change: {
    paths?: string
    methods?: string
    open?: string
    publicKey?: object
    service?: string
    extra?: string
  } = {},
): string {
  const { paths = '/api/**', methods = 'GET', open = '{ path: /open/** }', publicKey = alice.key.publicKey } = change
  return `apiVersion: latchkey.dev/v1alpha1
kind: GuardedService
metadata: { name: orders, namespace: shop }
spec:
  targetRef: { name: orders, port: 80 }
  public: [${open}]
${change.service ?? ''}---
apiVersion: latchkey.dev/v1alpha1
kind: ApiClient
metadata: { name: alice, namespace: callers }
spec: { clientId: callers.alice }
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
  rules: [{ services: [orders], methods: [${methods}], paths: ['${paths}'] }]
---
apiVersion: latchkey.dev/v1alpha1
kind: AccessGrant
metadata: { name: alice-calls, namespace: shop }
spec:
  roleRef: { name: caller }
  clients: [{ namespace: callers, name: alice }]
${change.extra ?? ''}`
}

/** A token of the client that the manifests describe. */
export function manifestToken(): string {
  const clientId = 'callers.alice'
  return alice.token({ iss: `${issuer}/v1/clients/${clientId}`, sub: clientId, client_id: clientId })
}
