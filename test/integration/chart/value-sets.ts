import type { Manifest, Rendering } from './render-chart.ts'

const everything = {
  installation: 'default',
  image: { registry: 'registry.example', digest: `sha256:${'a'.repeat(64)}` },
  imagePullSecrets: [{ name: 'pull' }],
  labels: { team: 'platform' },
  podLabels: { mesh: 'off' },
  podAnnotations: { note: 'yes' },
  priorityClassName: 'system-cluster-critical',
  crds: { keep: false },
  clientIds: { 'acme.orders': 'partners/acme' },
  keys: { publishAhead: '1h30m' },
  issuer: {
    url: 'https://issuer.example.com/prod',
    tlsHosts: ['issuer.example.com', '10.0.0.1'],
    signingKeys: { rotateEvery: '168h', algorithms: ['RS256', 'ES256'], ed25519Alg: 'Ed25519' },
    service: { type: 'LoadBalancer', clusterIP: '10.96.0.77', annotations: { a: 'b' } },
    replicas: 3,
    extraEnv: [{ name: 'EXTRA', value: '1' }],
    nodeSelector: { pool: 'system' },
    tolerations: [{ key: 'system', operator: 'Exists' }],
    affinity: { nodeAffinity: {} },
    topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'a', whenUnsatisfiable: 'DoNotSchedule' }],
  },
  guard: {
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector.observability.svc:4318', LATCHKEY_DEBUG: 'on' },
    audit: { onBlock: 'Deny', otlp: 'http://collector.monitoring:4318' },
    problemBase: 'https://docs.example.com/problems#',
  },
  networkPolicy: { metricsFrom: [{ namespaceSelector: { matchLabels: { monitoring: 'yes' } } }] },
  monitoring: {
    serviceMonitor: { enabled: true },
    podMonitor: { enabled: true },
    prometheusRule: { enabled: true },
    dashboard: { enabled: true },
  },
}
const authorizer = {
  enabled: true,
  peerCA: { configMapName: 'edge-ca' },
  tlsHosts: ['authz.example.com'],
  allowedFrom: [{ namespaceSelector: { matchLabels: { edge: 'yes' } } }],
  peers: [
    {
      name: 'edge',
      proxy: 'Nginx',
      services: ['shop/orders', 'shop/basket'],
      secretName: 'edge',
      keyHeaders: ['X-Api-Key'],
    },
    { name: 'mesh', proxy: 'Envoy', services: ['shop/orders', 'other/api'], certificateNames: ['envoy.edge.svc'] },
  ],
}
const redis = {
  url: 'rediss://redis.cache.svc:6380/1',
  secretRef: { name: 'token-store', usernameKey: 'user' },
  caBundle: { configMapName: 'redis-ca' },
}
const one = { replicas: 1 }
/** The main ways to install: each is rendered, and taken by a real API server. */
export const sets: Record<string, Rendering> = {
  default: {},
  'second installation': {
    release: 'second',
    namespace: 'second-system',
    values: { installation: 'second', crds: { enabled: false } },
  },
  'one replica, least of all': {
    values: {
      ...{ operator: one, issuer: one, webhook: one },
      ...{ networkPolicy: { enabled: false }, rbac: { aggregate: false }, policies: { enabled: false } },
    },
  },
  'Secrets in listed namespaces': { values: { secrets: { namespaces: 'Labelled', namespaceList: ['shop'] } } },
  'external authorizer': { values: { authorizer, monitoring: { prometheusRule: { enabled: true } } } },
  'external authorizer that nobody may ask': { values: { authorizer: { enabled: true, replicas: 1 } } },
  'tokens kept in Redis': { values: { tokenStore: { kind: 'Redis', redis } } },
  'everything on': { values: everything },
}
/** Those of one kind. */
export const of = (manifests: Manifest[], kind: string) => manifests.filter(manifest => manifest.kind === kind)
