import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kubectl } from '../demo/install.ts'
import { apply, endpointsOf, podsOf, read, refusal, remove, waitFor } from './cluster.ts'

interface Container {
  name: string
  image: string
  env?: { name: string; value: string }[]
  ports?: { name?: string; containerPort: number }[]
}
interface PodSpec {
  containers: Container[]
  initContainers?: object[]
  [field: string]: unknown
}
interface Deployment {
  readonly spec: {
    readonly template: { readonly metadata: { labels: Record<string, string> }; readonly spec: PodSpec }
  }
}

let template: Deployment['spec']['template']
const made: string[] = []

/** A pod like the app's own, behind the same Service, changed in one thing. */
function pod(
  name: string,
  change: (pod: { metadata: { labels: Record<string, string> }; spec: PodSpec }) => void,
): object {
  const { metadata, spec } = structuredClone(template)
  const copy = { metadata: { labels: { ...metadata.labels } }, spec }
  change(copy)
  made.push(name)
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop', labels: copy.metadata.labels },
    spec: { ...copy.spec, restartPolicy: 'Never', terminationGracePeriodSeconds: 7 },
  }
}

const addressOf = async (name: string): Promise<string> => {
  let address: string | undefined
  await expect
    .poll(
      async () =>
        (address = (await read<{ status: { podIP?: string; phase?: string } }>('pods', 'shop', name)).status.podIP),
      { timeout: 60_000 },
    )
    .toBeTruthy()
  return address ?? ''
}

function listenEverywhere(spec: PodSpec): void {
  for (const container of spec.containers)
    container.env = [...(container.env ?? []).filter(({ name }) => name !== 'HOST'), { name: 'HOST', value: '0.0.0.0' }]
}

/** Tries a TCP connection from the caller's pod: a second pod of another namespace. */
const connects = async (host: string, port: number): Promise<string> =>
  (
    await kubectl([
      ...['exec', '--namespace', 'checkout', 'deploy/caller', '--container', 'caller', '--', 'node', '-e'],
      `const s=require('net').connect({host:'${host}',port:${port},timeout:3000});s.on('connect',()=>{console.log('open');process.exit()});s.on('timeout',()=>{console.log('timeout');process.exit()});s.on('error',e=>{console.log(e.code);process.exit()})`,
    ])
  ).trim()

/** The gauge of the guard at this address, as a pod elsewhere reads it. */
const exposedPorts = async (address: string): Promise<number> => {
  const script = `fetch('http://${address}:15081/metrics').then(r=>r.text()).then(t=>console.log(/^latchkey_guard_exposed_ports (\\d+)$/m.exec(t)[1]))`
  const caller = ['exec', '--namespace', 'checkout', 'deploy/caller', '--container', 'caller', '--', 'node', '-e']
  return Number(await kubectl([...caller, script]))
}

interface Conditions {
  readonly status: { readonly conditions: readonly { type: string; status: string; reason: string; message: string }[] }
}
const enforced = async (): Promise<string> => {
  const { status } = await read<Conditions>('guardedservices.latchkey.dev', 'shop', 'orders')
  const found = status.conditions.find(({ type }) => type === 'Enforced')
  return `${found?.reason} ${found?.message}`
}
const isReady = async (name: string): Promise<string | undefined> =>
  (await read<Conditions>('pods', 'shop', name)).status.conditions.find(({ type }) => type === 'Ready')?.status
const endpointsAt = async (address: string): Promise<string[]> =>
  (await endpointsOf('shop', 'orders')).filter(endpoint => endpoint.startsWith(`${address}:`))
const setSpec = (spec: object): Promise<string> =>
  kubectl([
    ...['patch', 'guardedservices.latchkey.dev', 'orders', '--namespace', 'shop', '--type=merge'],
    ...['--patch', JSON.stringify({ spec })],
  ])

describe('a pod that comes up without its guard gets no traffic (K28, P33)', () => {
  beforeAll(async () => {
    template = (await read<Deployment>('deployments', 'shop', 'orders')).spec.template
  })
  afterAll(async () => {
    await Promise.all(made.map(name => remove('pods', 'shop', name)))
  })

  it('when its label was forgotten: it has no port of the name the Service asks for', async () => {
    await apply(
      pod('no-label', one => {
        delete one.metadata.labels['latchkey.dev/guard']
        // Beyond loopback, or the kubelet would not find it ready and that alone would keep the traffic away.
        listenEverywhere(one.spec)
      }),
    )
    const address = await addressOf('no-label')
    await kubectl(['wait', 'pod/no-label', '--namespace', 'shop', '--for=condition=Ready', '--timeout=60s'])
    expect((await endpointsOf('shop', 'orders')).filter(endpoint => endpoint.startsWith(`${address}:`))).toEqual([])
  })

  it('when it calls a port of its own guard: the policy refuses it', async () => {
    const usurper = pod('usurper', one => {
      delete one.metadata.labels['latchkey.dev/guard']
      for (const container of one.spec.containers) container.ports = [{ name: 'guard', containerPort: 8080 }]
    })
    expect(await refusal(usurper)).toContain('the port name guard belongs to the injected guard')
  })

  it('when its label is added later: the policy refuses the label', async () => {
    await apply(pod('late-label', one => void delete one.metadata.labels['latchkey.dev/guard']))
    await expect(
      kubectl(['label', 'pod', 'late-label', '--namespace', 'shop', 'latchkey.dev/guard=orders']),
    ).rejects.toThrow('the label cannot be added')
  })

  it('when it brings an init container of that name: it is refused or replaced, never taken', async () => {
    const forged = pod('forged', one => {
      one.spec.initContainers = [
        {
          name: 'latchkey-guard',
          image: one.spec.containers[0]?.image,
          restartPolicy: 'Always',
          command: ['sleep', '1d'],
          ports: [{ name: 'guard', containerPort: 15080 }],
        },
      ]
    })
    expect(await refusal(forged)).not.toBe('accepted')
  })

  it('when it lives in the network of its node', async () => {
    expect(await refusal(pod('host-network', one => void Object.assign(one.spec, { hostNetwork: true })))).not.toBe(
      'accepted',
    )
  })

  it('when the webhook configuration is gone: the policy behind it refuses the pod', async () => {
    const configuration = await kubectl(['get', 'mutatingwebhookconfigurations', 'latchkey', '--output', 'json'])
    await kubectl(['delete', 'mutatingwebhookconfigurations', 'latchkey'])
    try {
      await expect
        .poll(
          () =>
            refusal(
              pod('webhook-gone', () => undefined),
              ['--dry-run=server'],
            ),
          { timeout: 20_000 },
        )
        .toContain('must have the injected init container latchkey-guard')
    } finally {
      const restored = JSON.parse(configuration) as { metadata: { resourceVersion?: string; uid?: string } }
      delete restored.metadata.resourceVersion
      delete restored.metadata.uid
      await kubectl(['create', '-f', '-'], JSON.stringify(restored))
      await expect
        .poll(
          () =>
            refusal(
              pod('webhook-back', () => undefined),
              ['--dry-run=server'],
            ),
          { timeout: 20_000 },
        )
        .toBe('accepted')
    }
  })

  it('when a caller goes around it: the app of a guarded pod listens on loopback alone', async () => {
    const [guarded] = await podsOf('shop', 'latchkey.dev/guard=orders')
    const address = guarded?.status.podIP ?? ''
    expect(await connects(address, 8080)).toBe('ECONNREFUSED')
    expect(await connects(address, 15080)).toBe('open')
  })

  it('when its app listens beyond loopback: the pod does not become ready, and service and metric say why', async () => {
    await apply(pod('exposed', one => listenEverywhere(one.spec)))
    const address = await addressOf('exposed')
    await expect.poll(enforced, { timeout: 60_000 }).toMatch(/DirectAccess .*exposed/)
    // Refuse keeps traffic of the Service away. The direct way itself is open as long as the app listens there.
    expect(await connects(address, 8080)).toBe('open')
    expect(await exposedPorts(address)).toBeGreaterThan(0)
    expect(await isReady('exposed')).toBe('False')
    expect(await endpointsAt(address)).toEqual([])
  })

  it('and with directAccess: Report the same pod gets traffic, and it is said all the same', async () => {
    const address = await addressOf('exposed')
    await setSpec({ directAccess: 'Report' })
    try {
      await kubectl(['wait', 'pod/exposed', '--namespace', 'shop', '--for=condition=Ready', '--timeout=60s'])
      await expect.poll(() => endpointsAt(address), { timeout: 30_000 }).toEqual([`${address}:15080`])
      expect(await enforced()).toMatch(/DirectAccess .*exposed/)
      expect(await exposedPorts(address)).toBeGreaterThan(0)
      // What is right in the other pods stays right: Report opens nothing.
      const others = (await podsOf('shop', 'latchkey.dev/guard=orders')).filter(
        ({ metadata }) => metadata.name !== 'exposed',
      )
      for (const { status } of others) expect(await connects(status.podIP ?? '', 8080)).toBe('ECONNREFUSED')
    } finally {
      await setSpec({ directAccess: 'Refuse' })
    }
    // Pods without a guard behind the Service keep it from being enforced, as they should.
    await Promise.all(made.map(name => remove('pods', 'shop', name)))
    await kubectl([
      'wait',
      'guardedservices.latchkey.dev/orders',
      '--namespace',
      'shop',
      '--for=condition=Enforced',
      '--timeout=60s',
    ])
  })

  it('a NetworkPolicy beside it comes and goes with the spec; this cluster enforces none, so it is looked at as an object', async () => {
    await setSpec({ networkPolicy: 'Generate' })
    try {
      await waitFor('guardedservices.latchkey.dev/orders', 'shop', 'condition=Isolated')
      const policy = await read<{ spec: { podSelector: object; ingress: { ports: { port: number }[] }[] } }>(
        'networkpolicies',
        'shop',
        'latchkey-orders',
      )
      expect(policy.spec.ingress.flatMap(({ ports }) => ports.map(({ port }) => port))).toEqual([15080, 15081])
      const { spec } = await read<{ spec: { selector: object } }>('services', 'shop', 'orders')
      expect(policy.spec.podSelector).toEqual({ matchLabels: spec.selector })
    } finally {
      await setSpec({ networkPolicy: 'None' })
    }
    await expect
      .poll(() => kubectl(['get', 'networkpolicies', '--namespace', 'shop', '--output', 'name']), { timeout: 30_000 })
      .not.toContain('latchkey-orders')
  })
})
