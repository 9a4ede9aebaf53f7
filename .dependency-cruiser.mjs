const folder = name => `^${name}/`
const deployables = ['operator', 'issuer', 'webhook', 'outbound', 'cli']
const only = (from, allowed, comment) => ({
  name: `${from}-imports`,
  comment,
  severity: 'error',
  from: { path: folder(from) },
  to: {
    path: '^(core|platform|operator|issuer|webhook|outbound|sdk|cli|test|bench|examples|docs|crds)/',
    pathNot: `^(${allowed.join('|')})/`,
  },
})

/** Who may import whom: design section 12. A planted violation in test/integration/layers.test.ts proves that this bites. */
export default {
  forbidden: [
    only('core', ['core'], 'core is pure: it knows nothing of the outside.'),
    only('platform', ['platform', 'core'], 'platform serves the deployables and knows none of them.'),
    only('sdk', ['sdk', 'core'], 'The SDK runs in other people’s processes.'),
    ...deployables.map(name => only(name, [name, 'core', 'platform'], 'A deployable never imports another.')),
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
      comment: 'client-node gives configuration and authentication and nothing else; importing it costs 85 MB.',
      severity: 'error',
      from: { pathNot: '^platform/kube/connection\\.ts$' },
      to: { path: '@kubernetes/client-node' },
    },
    {
      name: 'guard-stays-light',
      comment:
        'A guard runs beside every pod: it loads neither the Kubernetes client nor (but for the manifests form) schemas.',
      severity: 'error',
      from: { path: '^webhook/(guard|authorizer)/' },
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
