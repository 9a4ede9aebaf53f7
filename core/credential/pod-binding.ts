import { isRecord } from '../base/is-record.ts'
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
  const bound = claims['kubernetes.io']
  if (!isRecord(bound)) return undefined
  const serviceAccount = named(bound.serviceaccount)
  const pod = named(bound.pod)
  const { namespace } = bound
  if (typeof namespace !== 'string' || !serviceAccount || !pod) return undefined
  return { namespace, serviceAccount, pod }
}

function named(value: unknown): Named | undefined {
  const { name, uid } = isRecord(value) ? value : {}
  return typeof name === 'string' && typeof uid === 'string' && name !== '' && uid !== '' ? { name, uid } : undefined
}
