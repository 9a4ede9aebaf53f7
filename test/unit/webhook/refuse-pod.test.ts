import { describe, expect, it } from 'vitest'
import type { Pod } from '../../../webhook/injection/pod.ts'
import { inject, podOf } from './pods.ts'

const several = [{ containerPort: 8080 }, { containerPort: 9090 }]

describe('a pod that cannot be guarded is refused with what to do', () => {
  it.each<[string, Pod, string]>([
    [
      'the network of the node',
      podOf({ spec: { hostNetwork: true } }),
      "a pod with hostNetwork cannot be guarded: its ports are the node's; remove hostNetwork or the label latchkey.dev/guard",
    ],
    [
      'Windows by os',
      podOf({ spec: { os: { name: 'windows' } } }),
      'the guard runs on Linux nodes only; remove the label latchkey.dev/guard from pods for Windows',
    ],
    [
      'Windows by node selector',
      podOf({ spec: { nodeSelector: { 'kubernetes.io/os': 'windows' } } }),
      'the guard runs on Linux nodes only; remove the label latchkey.dev/guard from pods for Windows',
    ],
    ...['', 'Orders', 'a_b', '-a', 'a..b'].map((label): [string, Pod, string] => [
      `label "${label}"`,
      podOf({ label }),
      'label latchkey.dev/guard must be the name of a GuardedService in this namespace (lower case letters, digits, - and .)',
    ]),
    [
      "the guard's port",
      podOf({ app: { ports: [{ containerPort: 15080 }] } }),
      'container app: the port 15080 is reserved for the injected guard; use another one',
    ],
    [
      "the guard's admin port",
      podOf({ app: { ports: [{ containerPort: 15081 }] } }),
      'container app: the port 15081 is reserved for the injected guard; use another one',
    ],
    [
      "the name of the guard's port",
      podOf({ app: { ports: [{ name: 'guard', containerPort: 1 }] } }),
      'container app: the port name guard is reserved for the injected guard; use another one',
    ],
    [
      'no port',
      podOf({ app: { ports: [] } }),
      'the containers declare no TCP port, so the guard cannot tell which one is the API; set the annotation latchkey.dev/upstream-port on the pod',
    ],
    [
      'several ports',
      podOf({ app: { ports: several } }),
      'the containers declare several ports (8080, 9090), so the guard cannot tell which one is the API; set the annotation latchkey.dev/upstream-port on the pod',
    ],
    ...['0', '70000', 'nope', ''].map((value): [string, Pod, string] => [
      `upstream port "${value}"`,
      podOf({ annotations: { 'latchkey.dev/upstream-port': value } }),
      'annotation latchkey.dev/upstream-port must be a port number or the name of a container port',
    ]),
    [
      'an upstream port that is the guard itself',
      podOf({ annotations: { 'latchkey.dev/upstream-port': '15080' } }),
      "annotation latchkey.dev/upstream-port names the guard's own port 15080; name the app's",
    ],
    [
      'open ports that are no numbers',
      podOf({ annotations: { 'latchkey.dev/open-ports': '9090;x' } }),
      'annotation latchkey.dev/open-ports must be port numbers between commas, for example "9090,9091"',
    ],
    ...[
      ['8080', {}],
      ['9090, 8080', {}],
      ['8080', { 'latchkey.dev/upstream-port': '8080' }],
    ].map(([ports, more]): [string, Pod, string] => [
      `open ports "${ports}", the guarded one among them, ${JSON.stringify(more)}`,
      podOf({ annotations: { 'latchkey.dev/open-ports': ports as string, ...(more as object) } }),
      'annotation latchkey.dev/open-ports names 8080, the port that is guarded: open, it is the way around the guard; leave it out and let the app listen on 127.0.0.1, or set spec.directAccess: Report for a while',
    ]),
    [
      'the guarded port among the open ones, where a name says which it is',
      podOf({
        app: { ports: [{ name: 'api', containerPort: 9090 }, { containerPort: 8080 }] },
        annotations: { 'latchkey.dev/upstream-port': 'api', 'latchkey.dev/open-ports': '9090' },
      }),
      'annotation latchkey.dev/open-ports names 9090, the port that is guarded: open, it is the way around the guard; leave it out and let the app listen on 127.0.0.1, or set spec.directAccess: Report for a while',
    ],
    ...['15080', '9090,15081'].map((ports): [string, Pod, string] => [
      `open ports "${ports}", the guard's own among them`,
      podOf({ annotations: { 'latchkey.dev/open-ports': ports } }),
      `annotation latchkey.dev/open-ports names the guard's own port ${ports.slice(-5)}, which is open anyway; leave it out`,
    ]),
    [
      'an upstream protocol that nobody speaks',
      podOf({ annotations: { 'latchkey.dev/upstream-protocol': 'grpc' } }),
      'annotation latchkey.dev/upstream-protocol must be http1 (the default) or h2c, for apps that speak gRPC or other HTTP/2 without TLS',
    ],
    ...['1', '768', '0Mi', '127Mi', '4097Mi', '5Gi', '1.5Gi', '768M', '768mi', ' 768Mi', '-768Mi', '9999999Mi'].map(
      (value): [string, Pod, string] => [
        `guard memory "${value}"`,
        podOf({ annotations: { 'latchkey.dev/guard-memory': value } }),
        'annotation latchkey.dev/guard-memory must be whole Mi or Gi from 128Mi to 4Gi, for example 768Mi',
      ],
    ),
    [
      'an init container of that name',
      podOf({ spec: { initContainers: [{ name: 'latchkey-guard', image: 'mine', args: ['guard'] }] } }),
      'the container name latchkey-guard is reserved for the injected guard; rename yours',
    ],
    [
      'one that runs another command',
      podOf({
        spec: {
          initContainers: [
            { name: 'latchkey-guard', command: ['sh'], args: ['guard'], env: [{ name: 'LATCHKEY_SERVICE' }] },
          ],
        },
      }),
      'the container name latchkey-guard is reserved for the injected guard; rename yours',
    ],
    [
      'a container of that name',
      podOf({ app: { name: 'latchkey-guard' } }),
      'the container name latchkey-guard is reserved for the injected guard; rename yours',
    ],
    [
      "a mount of the guard's token",
      podOf({ app: { volumeMounts: [{ name: 'latchkey-token', mountPath: '/t' }] } }),
      'container app: the volume name latchkey-token is reserved for the injected guard; rename yours',
    ],
  ])('%s', (_, pod, refused) => {
    expect(inject(pod)).toEqual({ refused })
  })
})

it('open ports beside the guarded one are taken', () => {
  const ports = [{ containerPort: 8080 }, { containerPort: 9090 }]
  const annotations = { 'latchkey.dev/upstream-port': '8080', 'latchkey.dev/open-ports': '9090, 9091' }
  expect(inject(podOf({ app: { ports }, annotations }))).toMatchObject({ warnings: [] })
})

describe('a name of ours that says nothing to anybody', () => {
  const warningsOf = (pod: Pod) => (inject(pod) as { warnings: readonly string[] }).warnings
  it('is warned of: a misspelt annotation, and an annotation that is written as a label', () => {
    expect(
      warningsOf(podOf({ annotations: { 'latchkey.dev/open-port': '9090', 'example.com/open-port': '1' } })),
    ).toEqual([
      'annotation latchkey.dev/open-port says nothing to Latchkey, is it misspelt? A pod can have latchkey.dev/open-ports, latchkey.dev/upstream-port, latchkey.dev/upstream-protocol, latchkey.dev/upstream-socket, latchkey.dev/enforces, latchkey.dev/guard-memory',
    ])
    const pod = podOf()
    const labels = { ...pod.metadata?.labels, 'latchkey.dev/upstream-port': '8080' }
    expect(warningsOf({ ...pod, metadata: { ...pod.metadata, labels } })).toEqual([
      'label latchkey.dev/upstream-port says nothing to Latchkey, is it misspelt? A pod can have latchkey.dev/guard',
    ])
  })
  it('is warned of five times at most', () => {
    const annotations = Object.fromEntries(Array.from({ length: 9 }, (_, at) => [`latchkey.dev/x${at}`, '']))
    expect(warningsOf(podOf({ annotations }))).toHaveLength(5)
  })
})
