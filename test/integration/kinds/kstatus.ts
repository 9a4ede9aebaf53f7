interface WithConditions {
  readonly metadata: { readonly generation?: number; readonly deletionTimestamp?: string }
  readonly status?: {
    readonly observedGeneration?: number
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
  }
}

/**
 * What kstatus computes of a custom resource; Flux and `helm --wait` go by it.
 * @see sigs.k8s.io/cli-utils pkg/kstatus/status, checkGenericProperties and the default
 */
export function kstatus({ metadata, status }: WithConditions): 'InProgress' | 'Failed' | 'Current' | 'Terminating' {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating'
  const observed = status?.observedGeneration
  if (observed !== undefined && observed !== metadata.generation) return 'InProgress'
  const of = (type: string) => status?.conditions?.find(condition => condition.type === type)?.status
  if (of('Reconciling') === 'True') return 'InProgress'
  if (of('Stalled') === 'True') return 'Failed'
  return of('Ready') === 'False' || of('Ready') === 'Unknown' ? 'InProgress' : 'Current'
}
