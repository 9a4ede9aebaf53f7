import { readIssuerConfig } from '../../../issuer/config.ts'
import { type Issuer, type IssuerParts, startIssuer } from '../../../issuer/issuer.ts'
import { createKubeClient, type KubeClient, type KubeObject, type Resource } from '../../../platform/kube/client.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { createAuthority, createServerCertificate, type IssuedCertificate } from '../../../platform/x509.ts'
import type { ControlPlane } from '../../cluster/control-plane.ts'
import { createQuietLog } from '../../unit/platform/quiet-log.ts'
import { workerControlPlane } from '../worker-control-plane.ts'

export const issuerUrl = 'https://issuer.test/default'
export const snapshotAudience = `${issuerUrl}/v1/snapshots`
export const releaseNamespace = 'latchkey-system'
const dayMs = 86_400_000

/** A real API server with the CRDs, the release's Secrets and any number of issuer replicas in this process. */
export interface World {
  readonly plane: ControlPlane
  readonly admin: KubeClient
  /** PEM of the authority of the issuer's certificate. */
  readonly ca: string
  readonly environment: Record<string, string>
  startReplica(parts?: Partial<IssuerParts>): Promise<Issuer>
  /** One that may have to wait for something. */
  startReplicaUnready(parts?: Partial<IssuerParts>): Promise<Issuer>
  create<T extends KubeObject>(resource: Resource, object: T): Promise<T>
  setStatus(resource: Resource, namespace: string, name: string, status: unknown): Promise<KubeObject>
  namespace(name: string, labels?: Record<string, string>): Promise<KubeObject>
  close(): Promise<void>
}

/** @param own a control plane of its own, with our kinds, for whoever changes it as a whole */
export async function startWorld(own?: ControlPlane): Promise<World> {
  const plane = own ?? (await workerControlPlane())
  const admin = createKubeClient(loadKubeConnection({ kubeconfig: plane.kubeconfig }))
  const now = new Date()
  const authority = await createAuthority({ commonName: 'test', now, lifetimeMs: dayMs })
  const issued = await createServerCertificate({
    authority,
    hosts: ['issuer.test', '127.0.0.1'],
    now,
    lifetimeMs: dayMs,
  })
  const replicas: Issuer[] = []
  const environment = {
    LATCHKEY_NAMESPACE: releaseNamespace,
    LATCHKEY_ISSUER_URL: issuerUrl,
    LATCHKEY_PORT: '0',
    LATCHKEY_SNAPSHOT_PORT: '0',
    LATCHKEY_TOKEN_PORT: '0',
    LATCHKEY_HEALTH_PORT: '0',
  }
  const world: World = {
    plane,
    admin,
    ca: authority.certificate,
    environment,
    async startReplicaUnready(parts = {}) {
      const { log } = createQuietLog()
      const issuer = await startIssuer(readIssuerConfig(environment), {
        client: admin,
        log,
        host: '127.0.0.1',
        ...parts,
      })
      replicas.push(issuer)
      return issuer
    },
    async startReplica(parts) {
      const issuer = await world.startReplicaUnready(parts)
      await issuer.loaded
      await ready(issuer)
      return issuer
    },
    create: (resource, object) => admin.create(resource, object),
    setStatus: (resource, namespace, name, status) =>
      admin.patch(resource, namespace, name, { status }, { subresource: 'status' }),
    namespace: (name, labels = {}) => admin.create(resources.namespaces, { metadata: { name, labels } }),
    async close() {
      for (const issuer of replicas) await issuer.close(0)
      await admin.close()
      await plane.stop()
    },
  }
  await world.namespace(releaseNamespace)
  await admin.create(resources.secrets, tlsSecret(issued))
  return world
}

function tlsSecret({ certificate, privateKey }: IssuedCertificate): KubeObject {
  const data = {
    'tls.crt': Buffer.from(certificate).toString('base64'),
    'tls.key': Buffer.from(privateKey).toString('base64'),
  }
  return { metadata: { name: 'latchkey-issuer-tls', namespace: releaseNamespace }, data } as KubeObject
}

async function ready(issuer: Issuer): Promise<void> {
  for (let tries = 0; issuer.notReady() !== undefined; tries++) {
    if (tries > 100) throw new Error(`the issuer is not ready: ${issuer.notReady()}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
