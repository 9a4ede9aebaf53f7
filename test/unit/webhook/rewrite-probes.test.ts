import { describe, expect, it } from 'vitest'
import type { Probe } from '../../../webhook/injection/pod.ts'
import { rewriteProbes } from '../../../webhook/injection/rewrite-probes.ts'
import { inject, injected, podOf, told } from './pods.ts'

const ports = [{ name: 'web', containerPort: 8080 }]
const rewrite = (readinessProbe: Probe) => rewriteProbes({ name: 'app', ports, readinessProbe }, new Map())
const toGuard = { httpGet: { path: '/probes/app/readiness', port: 15081, scheme: 'HTTP' } }

describe('a probe of the app', () => {
  it.each<[string, Probe, unknown]>([
    [
      'httpGet by number',
      { httpGet: { path: '/healthz', port: 8080 } },
      { httpGet: { path: '/healthz', port: 8080, scheme: 'HTTP' }, timeoutSeconds: 1 },
    ],
    [
      'httpGet by name, with scheme, headers and timeout',
      {
        httpGet: { path: '/h?x=1', port: 'web', scheme: 'HTTPS', httpHeaders: [{ name: 'Host', value: 'a' }] },
        timeoutSeconds: 7,
      },
      {
        httpGet: { path: '/h?x=1', port: 8080, scheme: 'HTTPS', httpHeaders: [{ name: 'Host', value: 'a' }] },
        timeoutSeconds: 7,
      },
    ],
    [
      'httpGet without a path',
      { httpGet: { port: 8080 } },
      { httpGet: { path: '/', port: 8080, scheme: 'HTTP' }, timeoutSeconds: 1 },
    ],
    ['tcpSocket', { tcpSocket: { port: 'web' } }, { tcpSocket: { port: 8080 }, timeoutSeconds: 1 }],
    [
      'grpc with a service',
      { grpc: { port: 50051, service: 'ready' } },
      { grpc: { port: 50051, service: 'ready' }, timeoutSeconds: 1 },
    ],
    ['grpc without one', { grpc: { port: 50051 } }, { grpc: { port: 50051, service: '' }, timeoutSeconds: 1 }],
  ])('goes to the guard, which forwards it: %s', (_, probe, forwarded) => {
    const { httpGet: _h, tcpSocket: _t, grpc: _g, ...timing } = probe
    expect(rewrite(probe)).toEqual({
      container: { name: 'app', ports, readinessProbe: { ...toGuard, ...timing } },
      probes: [{ container: 'app', kind: 'readiness', ...(forwarded as object) }],
    })
  })

  it('keeps its timing', () => {
    const timing = { initialDelaySeconds: 3, periodSeconds: 4, failureThreshold: 5, terminationGracePeriodSeconds: 6 }
    expect(rewrite({ tcpSocket: { port: 1 }, ...timing })).toMatchObject({ container: { readinessProbe: timing } })
  })

  it.each<[string, Probe]>([
    ['exec', { exec: { command: ['true'] } }],
    ['httpGet to a host of its own', { httpGet: { path: '/', port: 80, host: 'example.com' } }],
    ['tcpSocket to a host of its own', { tcpSocket: { port: 80, host: '10.0.0.1' } }],
  ])('stays as it is: %s', (_, probe) => {
    expect(rewrite(probe)).toEqual({ container: { name: 'app', ports, readinessProbe: probe }, probes: [] })
  })

  it('is refused when it names a port the container does not declare', () => {
    expect(rewrite({ tcpSocket: { port: 'grpc' } })).toEqual({
      refused:
        'container app: readinessProbe names the port grpc, which the container does not declare; declare it or use its number',
    })
  })

  it('is rewritten in all three places of every container, sidecars too', () => {
    const probe = { tcpSocket: { port: 9 } }
    const all = { startupProbe: probe, readinessProbe: probe, livenessProbe: probe }
    const pod = podOf({ app: all, spec: { initContainers: [{ name: 'proxy', restartPolicy: 'Always', ...all }] } })
    const entries = JSON.parse(told(injected(pod), 'LATCHKEY_PROBES') ?? '') as { container: string; kind: string }[]
    expect(entries.map(({ container, kind }) => `${container}/${kind}`)).toEqual([
      'proxy/startup',
      'proxy/readiness',
      'proxy/liveness',
      'app/startup',
      'app/readiness',
      'app/liveness',
    ])
  })

  it('that points at the guard without an earlier pass is refused: nobody knows what to forward', () => {
    expect(inject(podOf({ app: { readinessProbe: toGuard } }))).toEqual({
      refused: "container app: readinessProbe already points at the guard; write the app's own probe",
    })
  })

  it('that an earlier pass wrote down in a broken way is refused too', () => {
    const once = injected(podOf({ app: { readinessProbe: { tcpSocket: { port: 8080 } } } }))
    const broken = structuredClone(once) as unknown as {
      spec: { initContainers: { env: { name: string; value: string }[] }[] }
    }
    const entry = broken.spec.initContainers[0]?.env.find(({ name }) => name === 'LATCHKEY_PROBES')
    for (const value of ['{', '7', '[null]', '[]']) {
      if (entry) entry.value = value
      expect(inject(broken as never)).toHaveProperty('refused')
    }
  })
})
