import type { Claims } from './claims.ts'

interface Named {
  readonly name: string
  readonly uid: string
}

/** The service account and the pod of a service account token. */
export interface PodBinding {
  readonly namespace: string
  readonly serviceAccount: Named
  readonly pod: Named
}

/**
 * Reads the claim `kubernetes.io`.
 * @returns undefined when it is not whole: a token that is bound to no pod has no end that we could see
 */
export function readBinding(claims: Claims): PodBinding | undefined {
  const bound = object(claims['kubernetes.io'])
  const serviceAccount = named(bound?.serviceaccount)
  const pod = named(bound?.pod)
  const namespace = bound?.namespace
  if (typeof namespace !== 'string' || !serviceAccount || !pod) return undefined
  return { namespace, serviceAccount, pod }
}

function named(value: unknown): Named | undefined {
  const { name, uid } = object(value) ?? {}
  return typeof name === 'string' && typeof uid === 'string' && name !== '' && uid !== '' ? { name, uid } : undefined
}

function object(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
}
