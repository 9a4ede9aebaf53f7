import {
  type KubeClient,
  KubeError,
  type KubeObject,
  type OwnerReference,
  type Resource,
} from '../platform/kube/client.ts'
import { secrets } from '../platform/kube/resources.ts'

export interface SecretOf extends KubeObject {
  type?: string
  data?: Record<string, string>
}

export const clusterRoles: Resource = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'clusterroles',
  kind: 'ClusterRole',
  namespaced: false,
}

/** Marks what the operator made. */
export const managedLabels = { 'app.kubernetes.io/managed-by': 'latchkey' }

/**
 * Owner of everything the operator makes outside AccessKeys: the chart's ClusterRole, so that an uninstall collects it.
 * None where the chart does not run, as on a developer's machine.
 */
export async function readOwner(client: Pick<KubeClient, 'get'>, fullname: string): Promise<OwnerReference[]> {
  const name = `${fullname}-operator`
  const found = await client.get(clusterRoles, undefined, name)
  if (!found?.metadata.uid) return []
  return [{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', name, uid: found.metadata.uid }]
}

/** Text files of a Secret. */
export function textsOf(secret: SecretOf | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(secret?.data ?? {}).map(([name, value]) => [name, Buffer.from(value, 'base64').toString()]),
  )
}

/**
 * Creates the Secret, or replaces its data if it is still the one that was read.
 * @returns false when somebody was quicker: read again
 */
export async function writeSecret(
  client: Pick<KubeClient, 'create' | 'update'>,
  wanted: { namespace: string; name: string; owners: OwnerReference[]; files: Readonly<Record<string, string>> },
  previous: SecretOf | undefined,
): Promise<boolean> {
  const { namespace, name, owners, files } = wanted
  const data = Object.fromEntries(
    Object.entries(files).map(([file, text]) => [file, Buffer.from(text).toString('base64')]),
  )
  const metadata = { name, namespace, labels: managedLabels, ...(owners.length > 0 && { ownerReferences: owners }) }
  try {
    if (previous) await client.update<SecretOf>(secrets, { ...previous, data })
    else await client.create<SecretOf>(secrets, { metadata, type: 'Opaque', data })
    return true
  } catch (error) {
    if (error instanceof KubeError && (error.status === 409 || error.status === 404)) return false
    throw error
  }
}
