/** Every right the operator uses; the chart's ClusterRoles and Roles give these and no more (K26). */
const read = ['get', 'list', 'watch']

export const clusterRules = [
  {
    apiGroups: ['latchkey.dev'],
    resources: ['apiclients', 'accesskeys', 'roles', 'accessgrants', 'guardedservices'],
    verbs: read,
  },
  {
    apiGroups: ['latchkey.dev'],
    resources: [
      'apiclients/status',
      'accesskeys/status',
      'roles/status',
      'accessgrants/status',
      'guardedservices/status',
    ],
    verbs: ['patch'],
  },
  { apiGroups: [''], resources: ['namespaces', 'services', 'pods'], verbs: read },
  // OpenAPI documents, and latchkey-ca in guarded namespaces: a creation has no name yet.
  { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'create'] },
  // By name: the field selector of the list says which.
  { apiGroups: [''], resources: ['configmaps'], resourceNames: ['latchkey-ca'], verbs: ['list', 'watch', 'patch'] },
  {
    apiGroups: ['networking.k8s.io'],
    resources: ['networkpolicies'],
    verbs: ['list', 'watch', 'create', 'patch', 'delete'],
  },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
  {
    apiGroups: ['admissionregistration.k8s.io'],
    resources: ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'],
    resourceNames: ['latchkey'],
    verbs: [...read, 'patch'],
  },
  {
    apiGroups: ['rbac.authorization.k8s.io'],
    resources: ['clusterroles'],
    resourceNames: ['latchkey-operator'],
    verbs: ['get'],
  },
]

/** In the release's namespace. */
export const releaseRules = [
  { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
  { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['get', 'create', 'update'] },
]

/** Cluster-wide by default; by the chart's value only in named namespaces, and always in the release's. */
export const secretRules = [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'create', 'update', 'delete'] }]
