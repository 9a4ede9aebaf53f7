import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonPatch } from '../../../webhook/injection/json-patch.ts'
import type { Container, Pod, Probe } from '../../../webhook/injection/pod.ts'
import { applyPatch } from './apply-patch.ts'
import { inject, injected, podOf, settings, told } from './pods.ts'

const guard = (probes: unknown[] = []): Container => ({
  name: 'latchkey-guard',
  image: 'registry.example/latchkey:1.0.0',
  imagePullPolicy: 'IfNotPresent',
  args: ['guard'],
  restartPolicy: 'Always',
  env: [
    { name: 'LATCHKEY_SERVICE', value: 'shop/orders' },
    { name: 'LATCHKEY_UPSTREAM', value: 'http://127.0.0.1:8080' },
    { name: 'LATCHKEY_LISTEN', value: ':15080' },
    { name: 'LATCHKEY_ADMIN_LISTEN', value: ':15081' },
    { name: 'LATCHKEY_PROBES', value: JSON.stringify(probes) },
    { name: 'LATCHKEY_SNAPSHOT_URL', value: 'https://latchkey-issuer.latchkey-system.svc:8444' },
    { name: 'LATCHKEY_CA_FILE', value: '/var/run/latchkey/ca/ca.crt' },
    { name: 'LATCHKEY_TOKEN_FILE', value: '/var/run/latchkey/token/token' },
    { name: 'LATCHKEY_SNAPSHOT_FILE', value: '/var/lib/latchkey/snapshot.json' },
    { name: 'NODE_OPTIONS', value: '--max-semi-space-size=4 --v8-pool-size=1 --max-old-space-size=96' },
  ],
  ports: [
    { name: 'guard', containerPort: 15080, protocol: 'TCP' },
    { name: 'guard-admin', containerPort: 15081, protocol: 'TCP' },
  ],
  resources: settings.resources,
  startupProbe: {
    httpGet: { path: '/startupz', port: 15081, scheme: 'HTTP' },
    timeoutSeconds: 2,
    successThreshold: 1,
    periodSeconds: 1,
    failureThreshold: 60,
  },
  readinessProbe: {
    httpGet: { path: '/readyz', port: 15081, scheme: 'HTTP' },
    timeoutSeconds: 2,
    successThreshold: 1,
    periodSeconds: 2,
    failureThreshold: 2,
  },
  livenessProbe: {
    httpGet: { path: '/livez', port: 15081, scheme: 'HTTP' },
    timeoutSeconds: 2,
    successThreshold: 1,
    periodSeconds: 10,
    failureThreshold: 3,
  },
  lifecycle: {
    preStop: { exec: { command: ['node', '-e', "require('node:net').connect('/var/lib/latchkey/stop.sock')"] } },
  },
  securityContext: {
    runAsNonRoot: true,
    runAsUser: 65532,
    runAsGroup: 65532,
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  },
  volumeMounts: [
    { name: 'latchkey-ca', mountPath: '/var/run/latchkey/ca', readOnly: true },
    { name: 'latchkey-token', mountPath: '/var/run/latchkey/token', readOnly: true },
    { name: 'latchkey-snapshot', mountPath: '/var/lib/latchkey' },
    { name: 'latchkey-ca', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', readOnly: true },
  ],
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'FallbackToLogsOnError',
})
const volumes = [
  { name: 'latchkey-ca', configMap: { name: 'latchkey-ca', defaultMode: 0o644 } },
  {
    name: 'latchkey-token',
    projected: {
      sources: [
        {
          serviceAccountToken: {
            audience: 'https://latchkey-issuer.latchkey-system.svc/default/v1/snapshots',
            expirationSeconds: 3600,
            path: 'token',
          },
        },
      ],
      defaultMode: 0o644,
    },
  },
  { name: 'latchkey-snapshot', emptyDir: { sizeLimit: '144Mi' } },
]
const env = [{ name: 'HOST', value: '127.0.0.1' }]
const lifecycle = { preStop: { sleep: { seconds: 5 } } }

describe('injection', () => {
  it('gives a plain pod the guard, its volumes, a loopback address and time to stop, and nothing else', () => {
    expect(injected(podOf())).toEqual({
      metadata: { name: 'orders-1', labels: { app: 'orders', 'latchkey.dev/guard': 'orders' } },
      spec: {
        initContainers: [guard()],
        containers: [{ name: 'app', image: 'app:1', ports: [{ containerPort: 8080 }], env, lifecycle }],
        volumes,
      },
    })
  })

  it('keeps everything the pod has, and puts the guard before every other init container', () => {
    const migrate = { name: 'migrate', image: 'app:1', args: ['migrate'] }
    const own = { name: 'data', emptyDir: {} }
    const pod = podOf({ spec: { initContainers: [migrate], volumes: [own], terminationGracePeriodSeconds: 60 } })
    const { spec } = injected(pod)
    expect(spec.initContainers).toEqual([guard(), migrate])
    expect(spec.volumes).toEqual([own, ...volumes])
    expect(spec.terminationGracePeriodSeconds).toBe(60)
  })

  it('leaves a HOST and a preStop of the app as they are', () => {
    const own = { env: [{ name: 'HOST', value: '::1' }], lifecycle: { preStop: { exec: { command: ['stop'] } } } }
    const [app] = injected(podOf({ app: own })).spec.containers
    expect(app).toEqual({ name: 'app', image: 'app:1', ports: [{ containerPort: 8080 }], ...own })
  })

  it.each([
    [0, 10],
    [5, 10],
    [6, 6],
    [undefined, undefined],
  ])('with a grace period of %s makes it %s, so that the sleep before the stop fits in', (given, expected) => {
    const spec = given === undefined ? {} : { terminationGracePeriodSeconds: given }
    expect(injected(podOf({ spec })).spec.terminationGracePeriodSeconds).toBe(expected)
  })

  it.each(['orders', 'victim.orders'])(
    'K02 guards for a service of the namespace of the pod alone, whatever it says of itself: %s',
    label => {
      const elsewhere = { 'latchkey.dev/guard': 'victim/orders', 'latchkey.dev/service': 'victim/orders' }
      const pod = podOf({ label, annotations: elsewhere })
      const [namespace, ...name] = (told(injected(pod), 'LATCHKEY_SERVICE') ?? '').split('/')
      expect([namespace, name.join('/')]).toEqual(['shop', label])
    },
  )
  it.each(['victim/orders', '../victim/orders', '/orders'])('K02 refuses a label that leads elsewhere: %s', label => {
    expect(inject(podOf({ label }))).toMatchObject({ refused: expect.stringContaining('in this namespace') })
  })
  it('hands the open ports of the annotation on, and leaves them out otherwise', () => {
    const annotations = { 'latchkey.dev/open-ports': '9090, 9091' }
    expect(told(injected(podOf({ annotations })), 'LATCHKEY_OPEN_PORTS')).toBe('9090,9091')
    expect(told(injected(podOf()), 'LATCHKEY_OPEN_PORTS')).toBeUndefined()
  })

  it('tells the guard that the app speaks HTTP/2', () => {
    const annotations = { 'latchkey.dev/upstream-protocol': 'h2c' }
    expect(told(injected(podOf({ annotations })), 'LATCHKEY_UPSTREAM_PROTOCOL')).toBe('h2c')
    expect(told(injected(podOf()), 'LATCHKEY_UPSTREAM_PROTOCOL')).toBeUndefined()
  })

  it.each<[string, Pod, string]>([
    ['the only declared port', podOf(), '8080'],
    ['the annotation, by number', podOf({ annotations: { 'latchkey.dev/upstream-port': '9000' } }), '9000'],
    [
      'the annotation, by name',
      podOf({
        app: { ports: [{ containerPort: 1 }, { name: 'api', containerPort: 9001 }] },
        annotations: { 'latchkey.dev/upstream-port': 'api' },
      }),
      '9001',
    ],
    [
      'the only TCP port beside UDP ones',
      podOf({
        app: {
          ports: [
            { containerPort: 53, protocol: 'UDP' },
            { containerPort: 8081, protocol: 'TCP' },
          ],
        },
      }),
      '8081',
    ],
  ])('finds the port of the app: %s', (_, pod, port) => {
    expect(told(injected(pod), 'LATCHKEY_UPSTREAM')).toBe(`http://127.0.0.1:${port}`)
  })

  it('replaces the guard of another version, and a forged one, by its own', () => {
    const old = { ...guard(), image: 'registry.example/latchkey:0.9.0', securityContext: { privileged: true } }
    expect(injected(podOf({ spec: { initContainers: [old] } })).spec.initContainers).toEqual([guard()])
  })

  it('says what could surprise: a shared process namespace, a foreign HOST, host ports and lifecycle calls', () => {
    const app = {
      env: [{ name: 'HOST', value: '0.0.0.0' }],
      ports: [{ containerPort: 8080, hostPort: 80 }],
      lifecycle: { preStop: { httpGet: { port: 8080 } } },
    }
    const result = inject(podOf({ app, spec: { shareProcessNamespace: true } }))
    const warnings = 'warnings' in result ? result.warnings : []
    expect(warnings.map(text => text.split(' ').slice(0, 3).join(' '))).toEqual([
      'container app: HOST',
      'container app: hostPort',
      'container app: lifecycle.preStop.httpGet',
      'shareProcessNamespace lets the',
    ])
  })
})

describe('the patch', () => {
  it('is one operation per thing added', () => {
    const pod = podOf({ spec: { initContainers: [{ name: 'migrate' }], volumes: [{ name: 'data', emptyDir: {} }] } })
    expect(jsonPatch(pod, injected(pod)).map(({ op, path }) => `${op} ${path}`)).toEqual([
      'add /spec/containers/0/env',
      'add /spec/containers/0/lifecycle',
      'add /spec/initContainers/0',
      'add /spec/volumes/1',
      'add /spec/volumes/2',
      'add /spec/volumes/3',
    ])
  })

  it('is empty for a pod that is injected already', () => {
    const once = injected(podOf({ app: { readinessProbe: { httpGet: { path: '/', port: 8080 } } } }))
    expect(jsonPatch(once, injected(once))).toEqual([])
  })

  const probe: fc.Arbitrary<Probe> = fc.oneof(
    fc.record({ httpGet: fc.record({ path: fc.webPath(), port: fc.constantFrom(8080, 'web') }) }),
    fc.record({ tcpSocket: fc.record({ port: fc.constantFrom(8080, 'web') }), timeoutSeconds: fc.nat(60) }),
    fc.record({ grpc: fc.record({ port: fc.integer({ min: 1, max: 65535 }) }) }),
    fc.record({ exec: fc.constant({ command: ['true'] }) }),
  )
  const container = fc.record(
    { startupProbe: probe, readinessProbe: probe, livenessProbe: probe, env: fc.constant([{ name: 'A', value: 'b' }]) },
    { requiredKeys: [] },
  )
  const pods = fc
    .record({ app: container, side: container, init: container, native: fc.boolean(), grace: fc.option(fc.nat(40)) })
    .map(({ app, side, init, native, grace }) =>
      podOf({
        app: { ...app, ports: [{ name: 'web', containerPort: 8080 }] },
        annotations: { 'latchkey.dev/upstream-port': 'web' },
        spec: {
          containers: [
            { name: 'app', ...app, ports: [{ name: 'web', containerPort: 8080 }] },
            { name: 'side', ...side, ports: [{ name: 'web', containerPort: 9090 }] },
          ],
          initContainers: native
            ? [{ name: 'proxy', ...init, restartPolicy: 'Always', ports: [{ name: 'web', containerPort: 9 }] }]
            : [],
          ...(grace !== null && { terminationGracePeriodSeconds: grace }),
        },
      }),
    )

  it('turns the pod into the injected one, and injecting twice is injecting once', () => {
    fc.assert(
      fc.property(pods, pod => {
        const once = injected(pod)
        expect(applyPatch(pod, jsonPatch(pod, once))).toEqual(once)
        expect(injected(once)).toEqual(once)
      }),
    )
  })

  it('turns any JSON value into any other', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue()), (a, b) => {
        const [before, after] = JSON.parse(JSON.stringify([a, b]))
        expect(isDeepStrictEqual(applyPatch(before, jsonPatch(before, after)), after)).toBe(true)
      }),
      {
        examples: [
          [{}, JSON.parse('{"__proto__":[]}')],
          [JSON.parse('{"__proto__":[]}'), { a: 1 }],
        ],
      },
    )
  })

  it('moves named things by removing and adding, or replaces the list when their order changed', () => {
    const [a, b, c] = ['a', 'b', 'c'].map(name => ({ name }))
    expect(jsonPatch({ list: [a, b] }, { list: [c, b] })).toEqual([
      { op: 'remove', path: '/list/0' },
      { op: 'add', path: '/list/0', value: c },
    ])
    expect(jsonPatch({ list: [a, b] }, { list: [b, a] })).toEqual([{ op: 'replace', path: '/list', value: [b, a] }])
  })
})
