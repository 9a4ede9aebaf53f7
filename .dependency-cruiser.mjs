const folder = name => `^${name}/`
const folders =
  'core|platform|cluster|enforce|operator|issuer|webhook|guard|authorizer|outbound|sdk|cli|test|bench|examples|docs|crds'
const only = (from, allowed, comment) => ({
  name: `${from}-imports`,
  comment,
  severity: 'error',
  from: { path: folder(from) },
  to: { path: `^(${folders})/`, pathNot: `^(${allowed.join('|')})/` },
})

/** What runs as a process, and what it is made of beside core and platform. */
const deployables = {
  operator: ['cluster'],
  issuer: ['cluster'],
  webhook: [],
  guard: ['enforce'],
  authorizer: ['enforce'],
  outbound: ['enforce'],
  // It gets tokens as other people's processes do.
  cli: ['sdk'],
}

/** The folders of core, the lowest first: each imports only what stands before it. */
const floors = [
  'base',
  'api',
  'jose',
  'secret',
  'rows',
  'matching',
  'snapshot',
  'credential',
  'policy',
  'registry',
  'status',
  'keys',
  'audit',
  'explain',
  'learn',
]
const coreFloors = floors.map((floor, at) => ({
  name: `core-${floor}-imports`,
  comment: 'Folders of core import in one direction only.',
  severity: 'error',
  from: { path: folder(`core/${floor}`) },
  to: { path: '^core/', pathNot: `^core/(${floors.slice(0, at + 1).join('|')})/` },
}))

/** Who may import whom: design section 12. A planted violation in test/integration/layers.test.ts proves that this bites. */
export default {
  forbidden: [
    only('core', ['core'], 'core is pure: it knows nothing of the outside.'),
    only('platform', ['platform', 'core'], 'platform serves the deployables and knows none of them.'),
    only('sdk', ['sdk', 'core'], 'The SDK runs in other people’s processes.'),
    only(
      'cluster',
      ['cluster', 'core', 'platform'],
      'The live view of the cluster knows none of those who look at it.',
    ),
    only('enforce', ['enforce', 'core', 'platform'], 'What is enforced with knows none of those who enforce.'),
    ...Object.entries(deployables).map(([name, shared]) =>
      only(name, [name, ...shared, 'core', 'platform'], 'A deployable never imports another.'),
    ),
    ...coreFloors,
    {
      name: 'core-in-floors',
      comment: 'Every file of core stands on a floor.',
      severity: 'error',
      from: {},
      to: { path: '^core/', pathNot: `^core/(${floors.join('|')})/` },
    },
    {
      name: 'core-outside',
      comment: 'core may use these packages and of Node only node:crypto.',
      severity: 'error',
      from: { path: folder('core') },
      to: {
        dependencyTypesNot: ['local'],
        path: '.',
        pathNot: 'node_modules/(jose|@noble/curves|@noble/hashes|zod)/|^(node:)?crypto$|^core/',
      },
    },
    {
      name: 'schemas-only-in-api',
      comment: 'zod is large: only the schemas use it, so that no guard loads it.',
      severity: 'error',
      from: { path: '^core/', pathNot: '^core/api/' },
      to: { path: 'node_modules/zod/' },
    },
    {
      name: 'client-node-in-one-place',
      comment:
        'client-node knows the named auth providers of a kubeconfig and does nothing else; importing it costs 85 MB.',
      severity: 'error',
      from: { pathNot: '^platform/kube/kubeconfig/credential\\.ts$' },
      to: { path: '@kubernetes/client-node' },
    },
    {
      name: 'packages-not-on-demand',
      comment:
        'A bundle gives nothing but `default` of a CommonJS package that is imported on demand: import a file of ours that imports it.',
      severity: 'error',
      from: { pathNot: '^(test|bench|examples)/|^platform/kube/kubeconfig/credential\\.ts$' },
      to: { dynamic: true, path: 'node_modules/' },
    },
    {
      name: 'guard-stays-light',
      comment:
        'A guard runs beside every pod: it loads neither the Kubernetes client nor (but for the manifests form) schemas.',
      severity: 'error',
      from: { path: '^(guard|authorizer|enforce)/' },
      to: { path: '^platform/kube/|@kubernetes/' },
    },
    {
      name: 'nothing-imports-a-main',
      comment: 'A main starts a process when it is imported.',
      severity: 'error',
      from: {},
      to: { path: '/main\\.ts$' },
    },
    {
      name: 'no-cycles',
      comment: 'Data flows one way.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|build|sdk/dist)/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'types', 'default'] },
  },
}
