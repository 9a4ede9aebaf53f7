import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { configTable } from '../../../guard/config.ts'
import { readConfig } from '../../../platform/config.ts'
import { jsonPatch } from '../../../webhook/injection/json-patch.ts'
import type { Container, Pod, Volume } from '../../../webhook/injection/pod.ts'
import { applyPatch } from './apply-patch.ts'
import { inject, injected, podOf, told } from './pods.ts'

const socket = { 'latchkey.dev/upstream-socket': '/run/app/app.sock' }
const securityContext = { fsGroup: 2000 }
const shared = (name = 'run'): Volume => ({ name, emptyDir: {} })
const mounting = (name: string, mountPath = '/run/app', more: object = {}): Partial<Container> => ({
  volumeMounts: [{ name, mountPath, ...more }],
})

/** A pod whose app listens on a socket and on no port. */
const socketPod = (given: Parameters<typeof podOf>[0] = {}): Pod =>
  podOf({
    ...given,
    app: { ports: [], ...given.app },
    annotations: { ...socket, ...given.annotations },
    spec: { securityContext, ...given.spec },
  })

const mountsOf = (pod: Pod): unknown =>
  [...(pod.spec.initContainers ?? []), ...pod.spec.containers].map(({ name, volumeMounts = [] }) => [
    name,
    volumeMounts.filter(mount => mount.name === 'latchkey-socket' || mount.name === 'run'),
  ])

describe('an app that listens on a Unix socket', () => {
  it('shares the folder of it with the guard, by a patch of so many operations', () => {
    const pod = socketPod()
    const patch = jsonPatch(pod, injected(pod))
    expect(patch.map(({ op, path }) => `${op} ${path}`)).toEqual([
      'add /spec/containers/0/volumeMounts',
      'add /spec/containers/0/env',
      'add /spec/containers/0/lifecycle',
      'add /spec/initContainers',
      'add /spec/volumes',
    ])
    expect(patch[0]).toMatchObject({ value: [{ name: 'latchkey-socket', mountPath: '/run/app' }] })
    expect((patch[4] as { value: Volume[] }).value.at(-1)).toEqual({ name: 'latchkey-socket', emptyDir: {} })
    expect((patch[3] as { value: Container[] }).value[0]?.volumeMounts).toContainEqual({
      name: 'latchkey-socket',
      mountPath: '/var/run/latchkey/app',
      readOnly: true,
    })
    expect(applyPatch(pod, patch)).toEqual(injected(pod))
    expect(inject(pod)).toMatchObject({ warnings: [] })
  })

  it('is shared without a warning as the guide shows it', () => {
    const guide = readFileSync(new URL('../../../docs/unix-socket.md', import.meta.url), 'utf8')
    const { template } = parse(/```yaml\n(.*?)```/s.exec(guide)?.[1] ?? '').spec as { template: Pod }
    expect(inject(template)).toMatchObject({ warnings: [] })
    expect(told(injected(template), 'LATCHKEY_UPSTREAM')).toBe('unix:/var/run/latchkey/app/app.sock')
    expect(told(injected(template), 'LATCHKEY_PROBES')).not.toContain('"port"')
  })

  it('is what the guard is told of', () => {
    const pod = injected(socketPod({ annotations: { 'latchkey.dev/upstream-protocol': 'h2c' } }))
    const env = pod.spec.initContainers?.[0]?.env ?? []
    expect(readConfig(configTable, Object.fromEntries(env.map(({ name, value }) => [name, value])))).toMatchObject({
      upstream: 'unix:/var/run/latchkey/app/app.sock',
      upstreamProtocol: 'h2c',
    })
  })

  it('may be any of the containers that run beside the guard, and none that ends before', () => {
    const spec = {
      containers: [
        { name: 'web', image: 'nginx' },
        { name: 'app', image: 'app:1', ...mounting('data', '/data') },
      ],
      initContainers: [
        { name: 'migrate', image: 'app:1' },
        { name: 'proxy', image: 'proxy:1', restartPolicy: 'Always' },
      ],
    }
    const mount = { name: 'latchkey-socket', mountPath: '/run/app' }
    expect(mountsOf(injected(socketPod({ spec })))).toEqual([
      ['latchkey-guard', [{ ...mount, mountPath: '/var/run/latchkey/app', readOnly: true }]],
      ['migrate', []],
      ['proxy', [mount]],
      ['web', [mount]],
      ['app', [mount]],
    ])
  })

  it('keeps the emptyDir that its containers share there already', () => {
    const spec = {
      containers: [
        { name: 'web', image: 'nginx', ...mounting('run', '/run/app/', { readOnly: true }) },
        { name: 'app', image: 'app:1' },
      ],
      volumes: [shared()],
    }
    const pod = injected(socketPod({ spec }))
    expect(pod.spec.volumes?.map(({ name }) => name)).not.toContain('latchkey-socket')
    expect(mountsOf(pod)).toEqual([
      ['latchkey-guard', [{ name: 'run', mountPath: '/var/run/latchkey/app', readOnly: true }]],
      ['web', [{ name: 'run', mountPath: '/run/app/', readOnly: true }]],
      ['app', [{ name: 'run', mountPath: '/run/app' }]],
    ])
  })

  it.each([
    ['its own volume', socketPod({ app: { readinessProbe: { httpGet: { path: '/', port: 80 } } } })],
    ['one of the pod', socketPod({ app: mounting('run'), spec: { volumes: [shared()] } })],
  ])('is injected once, however often that is done, with %s', (_, pod) => {
    const once = injected(pod)
    expect(injected(once)).toEqual(once)
  })

  it('may name open ports, none of which the guard stands before', () => {
    const pod = socketPod({
      app: { ports: [{ containerPort: 9090 }] },
      annotations: { 'latchkey.dev/open-ports': '9090' },
    })
    expect(told(injected(pod), 'LATCHKEY_OPEN_PORTS')).toBe('9090')
  })

  it('is asked its probes over the socket where they name no port that the container declares', () => {
    const pod = socketPod({
      app: {
        ports: [{ name: 'metrics', containerPort: 9090 }],
        startupProbe: { grpc: { port: 1, service: 'ready' } },
        readinessProbe: { httpGet: { path: '/ready', port: 'app' } },
        livenessProbe: { tcpSocket: { port: 80 }, timeoutSeconds: 3 },
      },
      spec: {
        initContainers: [
          {
            name: 'exporter',
            restartPolicy: 'Always',
            ports: [{ name: 'metrics', containerPort: 9100 }],
            readinessProbe: { httpGet: { path: '/', port: 'metrics' } },
            livenessProbe: { tcpSocket: { port: 9100 } },
          },
        ],
      },
    })
    expect(JSON.parse(told(injected(pod), 'LATCHKEY_PROBES') ?? '')).toEqual([
      {
        container: 'exporter',
        kind: 'readiness',
        timeoutSeconds: 1,
        httpGet: { path: '/', port: 9100, scheme: 'HTTP' },
      },
      { container: 'exporter', kind: 'liveness', timeoutSeconds: 1, tcpSocket: { port: 9100 } },
      { container: 'app', kind: 'startup', timeoutSeconds: 1, grpc: { service: 'ready' } },
      { container: 'app', kind: 'readiness', timeoutSeconds: 1, httpGet: { path: '/ready', scheme: 'HTTP' } },
      { container: 'app', kind: 'liveness', timeoutSeconds: 3, tcpSocket: {} },
    ])
  })
})

describe('a pod whose socket cannot be shared is refused with what to do', () => {
  const name = 'annotation latchkey.dev/upstream-socket'
  const plain = `${name} must be made of letters, digits and . _ + - between single slashes, without . and ..`
  const longest = `/run/${'d'.repeat(94)}/${'f'.repeat(4)}`
  const at = (path: string, more: Parameters<typeof podOf>[0] = {}): Pod =>
    socketPod({ ...more, annotations: { 'latchkey.dev/upstream-socket': path } })
  const whole =
    "the folder of the app's socket, which only an emptyDir mounted whole can be; mount it elsewhere, or name a path in another folder in latchkey.dev/upstream-socket"

  it.each<[string, Pod, string]>([
    ...['', 'app.sock', './run/app.sock', 'unix:/run/app/app.sock', '@app'].map((path): [string, Pod, string] => [
      `path "${path}"`,
      at(path),
      `${name} must be an absolute path, for example /run/app/app.sock`,
    ]),
    ...[
      '/run//app.sock',
      '/run/app/',
      '/run/../app.sock',
      '/run/./app.sock',
      '/run/a b',
      '/run/a:b',
      '/run/$(A)/s',
    ].map((path): [string, Pod, string] => [`path "${path}"`, at(path), plain]),
    [
      'a path that is too long',
      at(`${longest}x`),
      `${name} must have at most 104 characters, as many as the path of a socket can have`,
    ],
    [
      'a file whose name is too long',
      at(`/run/${'f'.repeat(83)}`),
      `${name} must name a file of at most 82 characters: longer ones have no place in the guard's path of it`,
    ],
    ['no folder', at('/app.sock'), `${name} must name a socket in a folder of its own, for example /run/app/app.sock`],
    [
      'a port besides',
      socketPod({ annotations: { 'latchkey.dev/upstream-port': '8080' } }),
      'annotations latchkey.dev/upstream-socket and latchkey.dev/upstream-port both say where the app is; leave one of them out',
    ],
    ...[
      { configMap: { name: 'c' } },
      { persistentVolumeClaim: { claimName: 'c' } },
      { hostPath: { path: '/run' } },
    ].map((source): [string, Pod, string] => [
      `a ${Object.keys(source)} at the folder`,
      socketPod({ app: mounting('run'), spec: { volumes: [{ name: 'run', ...source }] } }),
      `container app mounts the volume run at /run/app, ${whole}`,
    ]),
    [
      'a volume that is not there',
      socketPod({ app: mounting('run') }),
      `container app mounts the volume run at /run/app, ${whole}`,
    ],
    ...[{ subPath: 'app' }, { subPathExpr: '$(POD)' }].map((part): [string, Pod, string] => [
      `a part of an emptyDir, by ${Object.keys(part)}`,
      socketPod({ app: mounting('run', '/run/app/', part), spec: { volumes: [shared()] } }),
      `container app mounts the volume run at /run/app, ${whole}`,
    ]),
    [
      'a mount at the socket itself',
      socketPod({ app: mounting('run', '/run/app/app.sock'), spec: { volumes: [shared()] } }),
      "container app mounts the volume run at /run/app/app.sock, where the app's socket is to be; mount it elsewhere, or name another path in latchkey.dev/upstream-socket",
    ],
    [
      'two containers with a folder each',
      socketPod({
        spec: {
          containers: [
            { name: 'web', ...mounting('run') },
            { name: 'app', ...mounting('other') },
          ],
          volumes: [shared(), shared('other')],
        },
      }),
      "container app mounts the volume other at /run/app, and container web the volume run; the folder of the app's socket must be one for both: mount one emptyDir, or none and leave it to the injection",
    ],
    [
      'a mount of the shared folder elsewhere',
      socketPod({ app: mounting('latchkey-socket', '/srv') }),
      'container app: the volume name latchkey-socket is reserved for the injected guard; rename yours',
    ],
    [
      'a mount of that name without the annotation',
      podOf({ app: mounting('latchkey-socket') }),
      'container app: the volume name latchkey-socket is reserved for the injected guard; rename yours',
    ],
  ])('%s', (_, pod, refused) => {
    expect(inject(pod)).toEqual({ refused })
  })

  it('but not one whose path is as long as it may be, with other mounts beside it', () => {
    expect(longest).toHaveLength(104)
    const pod = at(longest, { app: mounting('run', '/run'), spec: { volumes: [{ name: 'run', emptyDir: {} }] } })
    expect(inject(pod)).toHaveProperty('pod')
  })
})

describe('a person is warned', () => {
  const warningsOf = (pod: Pod) => (inject(pod) as { warnings: readonly string[] }).warnings

  it('where the guard is of no group with the app', () => {
    expect(warningsOf(socketPod({ spec: { securityContext: {} } }))).toEqual([
      "the pod has no securityContext.fsGroup: the guard can connect to the app's socket only if everybody in the pod may; set fsGroup, and let the app run with umask 007",
    ])
  })

  it('of probes that go to a port of a container, by number or name', () => {
    const ports = [{ name: 'web', containerPort: 8080 }]
    const warned = (kind: string, port: string | number): string =>
      `container app: ${kind} names the port ${port}, which the container declares, so it is asked there and not over the socket; take the port off the container if the app does not listen on it`
    const app = {
      ports,
      startupProbe: { httpGet: { port: 'web' } },
      readinessProbe: { tcpSocket: { port: 8080 } },
      livenessProbe: { grpc: { port: 9 } },
    }
    expect(warningsOf(socketPod({ app }))).toEqual([warned('startupProbe', 'web'), warned('readinessProbe', 8080)])
  })
})
