import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kubectl } from '../demo/install.ts'
import { apply, endpointsOf, podsOf, read, refusal, remove } from './cluster.ts'

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

  it('when its app listens beyond loopback: the pod does not become ready, and the service says why', async () => {
    await apply(pod('exposed', one => listenEverywhere(one.spec)))
    const address = await addressOf('exposed')
    await expect
      .poll(
        async () => {
          const service = await read<{ status: { conditions: { type: string; reason: string; message: string }[] } }>(
            'guardedservices.latchkey.dev',
            'shop',
            'orders',
          )
          const enforced = service.status.conditions.find(({ type }) => type === 'Enforced')
          return `${enforced?.reason} ${enforced?.message}`
        },
        { timeout: 60_000 },
      )
      .toMatch(/DirectAccess .*exposed/)
    expect((await endpointsOf('shop', 'orders')).filter(endpoint => endpoint.startsWith(`${address}:`))).toEqual([])
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
})
