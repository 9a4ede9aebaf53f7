import { expect, it } from 'vitest'
import { readConfig } from '../../../platform/config.ts'
import { configTable } from '../../../webhook/guard/config.ts'
import { injected, podOf } from './pods.ts'

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
