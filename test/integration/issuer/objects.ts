import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { PublicJwk } from '../../../core/api/access-key.ts'
import type { ApiClient } from '../../../core/api/api-client.ts'
import { clientTokenClaims } from '../../../core/credential/client-token-claims.ts'
import { thumbprint } from '../../../core/jose/jwk.ts'
import { clientIdOf } from '../../../core/registry/ids.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { compact } from '../../guard/policy-rows.ts'
import { issuerUrl, snapshotAudience, type World as WholeWorld } from './world.ts'

/** What objects are written with. */
type World = Pick<WholeWorld, 'admin' | 'create' | 'setStatus'>

export interface KeyPair {
  readonly kid: string
  readonly publicKey: PublicJwk
  readonly privateKey: KeyObject
}

export function makeKeyPair(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const { kty, crv, x } = publicKey.export({ format: 'jwk' })
  const jwk = { kty, crv, x } as PublicJwk
  return { kid: thumbprint(jwk), publicKey: jwk, privateKey }
}

/** A Service with a GuardedService of the same name. */
export async function addService(world: World, namespace: string, name: string): Promise<void> {
  await world.create(resources.services, {
    metadata: { namespace, name },
    spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'guard' }] },
  } as KubeObject)
  await world.create(resources.guardedServices, {
    metadata: { namespace, name },
    spec: { targetRef: { name, port: 'http' } },
  } as KubeObject)
}

/** A client with one published key, as the operator would leave it. */
export async function addClient(world: World, namespace: string, name: string, spec: Partial<ApiClient['spec']> = {}) {
  await world.create(resources.apiClients, { metadata: { namespace, name }, spec } as KubeObject)
  const clientId = await clientIdNow(world, namespace, name)
  const pair = makeKeyPair()
  await addKey(world, { namespace, name: `${name}-key`, client: name, clientId, pair })
  return { namespace, name, clientId, pair }
}

/** The client id of a client as it is now. */
export async function clientIdNow(world: World, namespace: string, name: string): Promise<string> {
  const [client, at] = await Promise.all([
    world.admin.get<KubeObject>(resources.apiClients, namespace, name),
    world.admin.get<KubeObject>(resources.namespaces, undefined, namespace),
  ])
  return clientIdOf(client as unknown as ApiClient, at?.metadata.uid ?? '', 'default')
}

export async function addKey(
  world: World,
  key: { namespace: string; name: string; client: string; clientId: string; pair: KeyPair },
): Promise<void> {
  const { namespace, name, client, clientId, pair } = key
  await world.create(resources.accessKeys, {
    metadata: { namespace, name },
    spec: { clientRef: { name: client } },
  } as KubeObject)
  await world.setStatus(resources.accessKeys, namespace, name, {
    clientId,
    keyId: pair.kid,
    keys: [publishedKey(pair)],
  })
}

export function publishedKey({ kid, publicKey }: KeyPair, state = 'Active') {
  return { kid, state, publicKey, notBefore: new Date().toISOString() }
}

export async function addRole(world: World, namespace: string, name: string, services: string[]): Promise<void> {
  const spec = { rules: [{ services, methods: ['GET'], paths: ['/**'] }] }
  await world.create(resources.roles, { metadata: { namespace, name }, spec } as KubeObject)
}

/** A grant, pinned as the operator would. */
export async function addGrant(
  world: World,
  namespace: string,
  name: string,
  role: string,
  clients: readonly { namespace: string; name: string; clientId: string; namespaceUid?: string | undefined }[],
): Promise<void> {
  const named = clients.map(client => ({ namespace: client.namespace, name: client.name }))
  await world.create(resources.accessGrants, {
    metadata: { namespace, name },
    spec: { roleRef: { name: role }, clients: named },
  } as KubeObject)
  const pins = clients.map(client => ({
    namespace: client.namespace,
    name: client.name,
    clientId: client.clientId,
    ...(client.namespaceUid !== undefined && { namespaceUid: client.namespaceUid }),
    state: 'Granted',
  }))
  await world.setStatus(resources.accessGrants, namespace, name, { clients: pins })
}

/** A pod that no node runs, with a guard that runs by what its status says; its token is as real as any. */
export async function addPod(world: World, pod: PodToAdd): Promise<KubeObject> {
  const added = await addPendingPod(world, pod)
  await reportGuard(world, pod, { running: { startedAt: new Date().toISOString() } })
  return added
}

interface PodToAdd {
  readonly namespace: string
  readonly name: string
  readonly labels: Record<string, string>
  readonly serviceAccount?: string
}

/** A pod that no node ever runs, and whose status says so. */
export async function addPendingPod(world: World, pod: PodToAdd): Promise<KubeObject> {
  const { namespace, name, labels, serviceAccount = 'app' } = pod
  // Several pods may be made at one time.
  await world.create(resources.serviceAccounts, { metadata: { namespace, name: serviceAccount } }).catch(error => {
    if (error.status !== 409) throw error
  })
  return await world.create(resources.pods, {
    metadata: { namespace, name, labels },
    spec: {
      serviceAccountName: serviceAccount,
      automountServiceAccountToken: false,
      initContainers: [{ name: 'latchkey-guard', image: 'none', restartPolicy: 'Always' }],
      containers: [{ name: 'app', image: 'none' }],
    },
  } as KubeObject)
}

/** What a kubelet would say of the guard's container of a pod; the pod stays pending. */
export async function reportGuard(
  world: World,
  pod: { namespace: string; name: string },
  state: object,
): Promise<void> {
  const status = { name: 'latchkey-guard', image: 'none', imageID: '', ready: false, restartCount: 0, state }
  await world.setStatus(resources.pods, pod.namespace, pod.name, { initContainerStatuses: [status] })
}

/** A token of the pod's service account, bound to the pod. */
export async function tokenOf(
  world: World,
  pod: KubeObject,
  audience = snapshotAudience,
  seconds = 600,
): Promise<string> {
  const { serviceAccountName } = (pod as KubeObject & { spec: { serviceAccountName: string } }).spec
  const { namespace, name, uid } = pod.metadata
  const answer = await world.admin.raw<{ status: { token: string } }>(
    'POST',
    `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccountName}/token`,
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: [audience],
        expirationSeconds: seconds,
        boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid },
      },
    },
  )
  return answer.status.token
}

/** A token that a client signs for a service. */
export function clientTokenOf({ clientId, pair }: { clientId: string; pair: KeyPair }, audience: string): string {
  const claims = clientTokenClaims({
    clientId,
    issuer: `${issuerUrl}/v1/clients/${clientId}`,
    audience,
    now: Date.now() / 1_000,
    jti: crypto.randomUUID(),
  })
  return compact({ typ: 'at+jwt', alg: 'EdDSA', kid: pair.kid }, claims, pair.privateKey)
}
