import { expect, it } from 'vitest'
import { readTraceSettings } from '../../../enforce/report/trace-config.ts'
import { configTable, ownSettings } from '../../../guard/config.ts'
import { readConfig } from '../../../platform/config.ts'
import { injected, podOf } from './pods.ts'

it('the guard takes the variables of the installation too, and none of them can take the place of one of ours', () => {
  const guardEnv = {
    LATCHKEY_DEBUG: 'on',
    LATCHKEY_SERVICE: 'other/service',
    LATCHKEY_UPSTREAM: 'http://elsewhere.example',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
  }
  const pod = injected(podOf(), { guardEnv })
  const given = pod.spec.initContainers?.[0]?.env ?? []
  const values = Object.fromEntries(given.map(({ name, value }) => [name, value]))
  expect(given).toHaveLength(Object.keys(values).length)
  expect(readConfig(configTable, ownSettings(values))).toMatchObject({
    service: 'shop/orders',
    upstream: 'http://127.0.0.1:8080',
    debug: 'on',
  })
  expect(readTraceSettings(values)?.url).toBe('http://collector:4318/v1/traces')
  expect(injected(pod, { guardEnv })).toEqual(pod)
})

it('the guard takes every variable the injection gives it', () => {
  const probe = { grpc: { port: 8080 }, timeoutSeconds: 0 }
  const pod = podOf({
    app: {
      startupProbe: { tcpSocket: { port: 8080 } },
      livenessProbe: probe,
      readinessProbe: { httpGet: { port: 8080 } },
    },
    annotations: { 'latchkey.dev/open-ports': '9090', 'latchkey.dev/upstream-protocol': 'h2c' },
  })
  const env = injected(pod).spec.initContainers?.[0]?.env ?? []
  expect(readConfig(configTable, Object.fromEntries(env.map(({ name, value }) => [name, value])))).toMatchObject({
    service: 'shop/orders',
    upstream: 'http://127.0.0.1:8080',
    upstreamProtocol: 'h2c',
    listen: { port: 15080 },
    adminListen: { port: 15081 },
    snapshotUrl: 'https://latchkey-issuer.latchkey-system.svc:8444',
    openPorts: [9090],
    probes: [
      { container: 'app', kind: 'startup', tcpSocket: { port: 8080 }, timeoutSeconds: 1 },
      { container: 'app', kind: 'readiness', httpGet: { path: '/', port: 8080, scheme: 'HTTP' }, timeoutSeconds: 1 },
      { container: 'app', kind: 'liveness', grpc: { port: 8080, service: '' }, timeoutSeconds: 1 },
    ],
  })
})
