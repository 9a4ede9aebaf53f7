/** A review of a spec of ours, as the API server writes it. */
export function reviewOf(kind: string, spec: unknown, more: object = {}): string {
  const request = {
    uid: 'u-1',
    kind: { group: 'latchkey.dev', version: 'v1alpha1', kind },
    ...{ name: 'long', namespace: 'shop', operation: 'CREATE', userInfo: { username: 'dev' } },
    ...{ object: { metadata: { name: 'long' }, spec }, ...more },
  }
  return JSON.stringify({ kind: 'AdmissionReview', apiVersion: 'admission.k8s.io/v1', request })
}

const times = <T>(count: number, one: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => one(at))

/** As many rules, permissions and resources as the schema takes: 131,072 names. */
export const longRole = (resource: (at: number) => string) => ({
  rules: times(64, () => ({
    services: ['orders'],
    permissions: times(64, at => ({ action: `action-${at}`, resources: times(32, resource) })),
  })),
})

/** 1.8 MB: what there are most values in. */
export const longestRoleUpdate = reviewOf(
  'Role',
  longRole(at => `r${at}`),
  {
    operation: 'UPDATE',
    oldObject: { spec: longRole(at => `s${at}`) },
  },
)

/** 1.5 MB, as much as etcd takes. */
export const longRoleCreation = reviewOf(
  'Role',
  longRole(at => `r${at}/{id}`),
)

export const manyMembers = reviewOf('Role', Object.fromEntries(times(200_000, at => [`k${at}`, 1])))
