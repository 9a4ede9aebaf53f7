import type { Way } from './caller/ways.ts'

export const namespace = 'rotation'
export const client = 'caller'
const api = 'latchkey.dev/v1alpha1'
/** Of Reloader: which Secret a workload is restarted for. https://github.com/stakater/Reloader */
export const reloadAnnotation = 'secret.reloader.stakater.com/reload'
export const matchAnnotation = 'reloader.stakater.com/match'

/** Who calls the example's API, its one key, and its right to. */
export const policy = [
  {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  },
  { apiVersion: api, kind: 'ApiClient', metadata: { name: client, namespace }, spec: {} },
  {
    apiVersion: api,
    kind: 'AccessKey',
    metadata: { name: client, namespace },
    spec: {
      clientRef: { name: client },
      rotation: { every: '720h', overlap: '30m' },
      secretTemplate: { annotations: { [matchAnnotation]: 'true' } },
    },
  },
  {
    apiVersion: api,
    kind: 'AccessGrant',
    metadata: { name: 'rotation-reads-orders', namespace: 'shop' },
    spec: { roleRef: { name: 'orders-reader' }, clients: [{ namespace, name: client }] },
  },
]

/** Of each pod. */
export interface Pace {
  readonly loops: number
  readonly pauseMs: number
}

/** The program that calls, for the pods to mount. */
export const programOf = (text: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'program', namespace },
  data: { 'load.mjs': text },
})

/** One kind of caller; who has the key in a variable names the Secret for Reloader, as the guide says. */
export function deploymentOf(way: Way, image: string, pace: Pace): object {
  const labels = { app: way, load: 'rotation' }
  const inVariable = way === 'environment'
  const env = {
    WAY: way,
    URL: 'http://orders.shop.svc/orders',
    AUDIENCE: 'https://orders.shop.svc',
    LOOPS: String(pace.loops),
    PAUSE_MS: String(pace.pauseMs),
  }
  const secretKeyRef = { name: client, key: 'private.jwk' }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: way, namespace, annotations: inVariable ? { [reloadAnnotation]: client } : {} },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          automountServiceAccountToken: false,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 65532,
            runAsGroup: 65532,
            fsGroup: 65532,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [
            {
              name: 'caller',
              image,
              imagePullPolicy: 'IfNotPresent',
              command: ['node', '/program/load.mjs'],
              env: [
                ...Object.entries(env).map(([name, value]) => ({ name, value })),
                ...(inVariable ? [{ name: 'LATCHKEY_PRIVATE_JWK', valueFrom: { secretKeyRef } }] : []),
              ],
              volumeMounts: [
                { name: 'program', mountPath: '/program', readOnly: true },
                ...(inVariable ? [] : [{ name: 'key', mountPath: '/var/run/secrets/latchkey', readOnly: true }]),
              ],
              resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '192Mi' } },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
            },
          ],
          volumes: [
            { name: 'program', configMap: { name: 'program' } },
            ...(inVariable ? [] : [{ name: 'key', secret: { secretName: client, defaultMode: 0o440 } }]),
          ],
        },
      },
    },
  }
}
