import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { TraceSettings } from '../../enforce/report/trace.ts'
import { readTraceSettings } from '../../enforce/report/trace-config.ts'
import { createTracing, maxWaiting } from '../../enforce/report/trace-otlp.ts'
import { alice, bob, rowsOf } from './policy-rows.ts'
import { type RawAnswer, sendRaw } from './raw-socket.ts'
import { type App, type Rig, startApp, startGuard } from './rig.ts'
import { type Collector, startCollector } from './trace-collector.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const parentId = '00f067aa0ba902b7'
const parent = (flags = '01', id = traceId): string => `traceparent: 00-${id}-${parentId}-${flags}\r\n`
const state = 'tracestate: congo=t61rcWkgMzE,rojo=00f067aa0ba902b7\r\n'
const secret = 'c4n4ry-53cr3t'

let app: App
const cleanups: (() => Promise<void>)[] = []
beforeAll(async () => {
  app = await startApp((request, response) => {
    if (request.url === '/orders/broken') response.writeHead(503)
    response.end('from the app')
  })
})
afterAll(() => app.close())
beforeEach(() => void app.seen.splice(0))
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const routes = [{ name: 'order', path: '/orders/{id}', methods: ['GET'], variants: 'Refuse' as const }]
const role = { type: 'role' as const, name: 'caller', rules: [{ index: 0, methods: ['GET'], paths: ['/orders/{id}'] }] }
const rows = () => rowsOf({ service: { routes } }).map(row => (row.type === 'role' ? role : row))

const call = (port: number, fields = '', target = `/orders/${secret}?q=${secret}`): Promise<RawAnswer> =>
  sendRaw(port, `GET ${target} HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${alice.token()}\r\n${fields}\r\n`)

interface Traced {
  readonly rig: Rig
  readonly fates: Record<string, number>
  flush(): Promise<void>
}

async function guardWith(url: string, change: Partial<TraceSettings> = {}, upstream = app.port): Promise<Traced> {
  const fates: Record<string, number> = {}
  const settings = { url, sampler: 'parentbased_traceidratio' as const, ratio: 1, serviceName: 'test', ...change }
  const tracing = createTracing(settings, {
    onSpans(fate, count) {
      fates[fate] = (fates[fate] ?? 0) + count
    },
    delayMs: 10,
  })
  const rig = await startGuard(upstream, { rows: rows(), tracing })
  cleanups.push(rig.close)
  return { rig, fates, flush: () => tracing.flush(5_000) }
}

async function collector(answer: number | 'never' = 200): Promise<Collector> {
  const made = await startCollector(answer)
  cleanups.push(made.close)
  return made
}

describe('without a collector', () => {
  it('traceparent and tracestate reach the app byte for byte, in every form, also one that cannot be read', async () => {
    const rig = await startGuard(app.port, { rows: rows() })
    cleanups.push(rig.close)
    const odd = 'traceparent: not one\r\nTraceState: a=1\r\ntracestate: b=2\r\n'
    for (const fields of [parent() + state, parent('00'), odd, `${parent()}${parent('01', 'f'.repeat(32))}`]) {
      app.seen.splice(0)
      expect((await call(rig.port, fields)).status).toBe(200)
      const raw = app.seen[0]?.raw ?? []
      const passed = raw.flatMap((name, at) =>
        at % 2 === 0 && /^trace(parent|state)$/i.test(name) ? [`${name}: ${raw[at + 1]}\r\n`] : [],
      )
      expect(passed.join('')).toBe(fields)
    }
  })
})

describe('with a collector', () => {
  it('a call becomes a server span below its caller, and the app is told of that span', async () => {
    const at = await collector()
    const { rig, flush } = await guardWith(at.url)
    expect((await call(rig.port, parent() + state)).status).toBe(200)
    await flush()
    expect(at.spans).toHaveLength(1)
    const [span] = at.spans
    expect(span).toMatchObject({ traceId, parentSpanId: parentId, name: 'GET /orders/{id}', kind: 2, statusCode: 0 })
    expect(span?.attributes).toEqual({
      'http.request.method': 'GET',
      'http.route': '/orders/{id}',
      'http.response.status_code': 200,
      'client.address': '127.0.0.1',
      'url.scheme': 'http',
      'latchkey.service': 'shop/orders',
      'latchkey.decision': 'allow',
      'latchkey.reason': 'granted',
      'latchkey.rule': 'role/caller#0',
      'latchkey.grant': 'alice-calls',
      'latchkey.route': 'order',
      'latchkey.client': 'callers/alice',
      'latchkey.revision': rig.policy.snapshot()?.revision,
    })
    expect(span?.resource).toMatchObject({ 'service.name': 'test', 'service.version': 'dev' })
    expect(app.seen[0]?.header('traceparent')).toBe(`00-${traceId}-${span?.spanId}-01`)
    expect(app.seen[0]?.names().filter(name => name.toLowerCase() === 'traceparent')).toHaveLength(1)
    expect(app.seen[0]?.header('tracestate')).toBe('congo=t61rcWkgMzE,rojo=00f067aa0ba902b7')
  })

  it('E11 no path, query, header or token is in what is sent', async () => {
    const at = await collector()
    const { rig, flush } = await guardWith(at.url)
    const token = alice.token()
    await sendRaw(
      rig.port,
      `GET /orders/${secret}?key=${secret} HTTP/1.1\r\nHost: ${secret}\r\nUser-Agent: ${secret}\r\nCookie: ${secret}\r\nX-Request-Id: ${secret}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    )
    await sendRaw(rig.port, `GET /orders/${secret} HTTP/1.1\r\nHost: orders\r\nAuthorization: ${secret}\r\n\r\n`)
    await sendRaw(rig.port, `${secret.toUpperCase()} / HTTP/1.1\r\nHost: orders\r\n\r\n`)
    await flush()
    expect(at.spans.length).toBeGreaterThanOrEqual(2)
    const sent = Buffer.concat(at.bodies).toString('latin1').toLowerCase()
    expect(sent).not.toContain(secret)
    for (const part of token.split('.')) expect(sent).not.toContain(part.toLowerCase())
  })

  it('a denied call has a span too, with its reason, and is no error of ours', async () => {
    const at = await collector()
    const { rig, flush } = await guardWith(at.url)
    await sendRaw(
      rig.port,
      `GET /orders/1 HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${bob.token()}\r\n${parent()}\r\n`,
    )
    await flush()
    expect(at.spans[0]).toMatchObject({ statusCode: 0, parentSpanId: parentId })
    expect(at.spans[0]?.attributes).toMatchObject({
      'latchkey.decision': 'deny',
      'latchkey.reason': 'not_granted',
      'http.response.status_code': 403,
    })
  })

  it('a call that audit mode lets in says so, and one that is malformed has no span', async () => {
    const at = await collector()
    const { rig, flush } = await guardWith(at.url)
    rig.apply(rowsOf({ service: { mode: 'Audit' } }))
    expect((await sendRaw(rig.port, 'GET /orders/1 HTTP/1.1\r\nHost: orders\r\n\r\n')).status).toBe(200)
    expect((await sendRaw(rig.port, 'GET /orders/1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n')).status).toBe(400)
    await flush()
    expect(at.spans).toHaveLength(1)
    expect(at.spans[0]).toMatchObject({
      name: 'GET',
      attributes: {
        'latchkey.decision': 'allow',
        'latchkey.reason': 'credential_missing',
        'latchkey.would_deny': true,
      },
    })
  })

  it('an app that is away, and one that fails, make the span an error', async () => {
    const at = await collector()
    const away = await guardWith(at.url, {}, 1)
    await call(away.rig.port)
    await away.flush()
    expect(at.spans[0]).toMatchObject({ statusCode: 2, attributes: { 'error.type': 'upstream_unreachable' } })
    const failing = await guardWith(at.url)
    await call(failing.rig.port, '', '/orders/broken')
    await failing.flush()
    expect(at.spans[1]).toMatchObject({ statusCode: 2, attributes: { 'error.type': '503' } })
  })

  it.each([
    ['one that cannot be read', 'traceparent: 00-nothing\r\n'],
    ['two of them', `${parent()}${parent('01', 'f'.repeat(32))}`],
    ['the id of nothing', parent('01', '0'.repeat(32))],
    ['a version that will never be', parent().replace('00-', 'ff-')],
  ])('a traceparent that says nothing begins a new trace, without its state: %s', async (_what, fields) => {
    const at = await collector()
    const { rig, flush } = await guardWith(at.url)
    await call(rig.port, fields + state)
    await flush()
    const [span] = at.spans
    expect(span?.parentSpanId).toBe('')
    expect([traceId, 'f'.repeat(32)]).not.toContain(span?.traceId)
    expect(app.seen[0]?.header('traceparent')).toBe(`00-${span?.traceId}-${span?.spanId}-01`)
    expect(app.seen[0]?.header('tracestate')).toBeUndefined()
  })

  it('who is not sampled is passed on as he came: by his caller, by the ratio, by a sampler that is off', async () => {
    const at = await collector()
    const byParent = await guardWith(at.url)
    await call(byParent.rig.port, parent('00') + state)
    expect(app.seen[0]?.header('traceparent')).toBe(`00-${traceId}-${parentId}-00`)
    const byRatio = await guardWith(at.url, { ratio: 0 })
    await call(byRatio.rig.port)
    expect(app.seen[1]?.header('traceparent')).toBeUndefined()
    // A caller that samples wins over the ratio, unless the sampler takes no advice.
    await call(byRatio.rig.port, parent())
    const deaf = await guardWith(at.url, { sampler: 'traceidratio', ratio: 0 })
    await call(deaf.rig.port, parent())
    for (const one of [byParent, byRatio, deaf]) await one.flush()
    expect(at.spans).toHaveLength(1)
  })

  it.each([
    ['away', undefined],
    ['refusing', 400],
  ])(
    'that is %s costs spans and nothing else',
    async (_what, answer) => {
      vi.stubEnv('OTEL_EXPORTER_OTLP_TIMEOUT', '1000')
      cleanups.push(async () => void vi.unstubAllEnvs())
      const at = answer === undefined ? undefined : await collector(answer)
      const { rig, fates, flush } = await guardWith(at?.url ?? 'http://127.0.0.1:1/v1/traces')
      for (let calls = 0; calls < 20; calls++) expect((await call(rig.port, parent())).status).toBe(200)
      await flush()
      expect(fates.exported).toBeUndefined()
      await expect.poll(() => fates.failed, { timeout: 20_000 }).toBe(20)
      expect(await rig.audit(20)).toHaveLength(20)
    },
    30_000,
  )

  it('that never answers holds no more spans than the queue has places, and a stop does not wait for it', async () => {
    const at = await collector('never')
    const fates: Record<string, number> = {}
    const settings = { url: at.url, sampler: 'always_on' as const, ratio: 1, serviceName: 'test' }
    const tracing = createTracing(settings, {
      onSpans(fate, count) {
        fates[fate] = (fates[fate] ?? 0) + count
      },
    })
    const verdict = {
      pass: false,
      decision: { allow: false as const, reason: 'policy_missing' as const },
      proved: undefined,
      snapshot: undefined,
    }
    const ended = { verdict, method: 'GET', service: 'shop/orders', address: 'unknown', status: 503 }
    for (let spans = 0; spans < maxWaiting + 100; spans++) tracing.begin({ names: [], values: [] })?.end(ended)
    expect(fates).toEqual({ dropped: 100 })
    await tracing.flush(50)
    await expect.poll(() => at.bodies.length).toBeGreaterThan(0)
    expect(fates).toEqual({ dropped: 100 })
  })
})

describe('settings', () => {
  it.each([
    [{}, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_SDK_DISABLED: 'true' }, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_TRACES_EXPORTER: 'none' }, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/' }, 'http://c:4318/v1/traces'],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://t/x' },
      'https://t/x',
    ],
  ])('%j send spans to %s', (env, url) => {
    expect(readTraceSettings({ ...env, PATH: '/bin' })?.url).toBe(url)
  })
  it('tell every mistake, and never repeat what was given', () => {
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://user:${secret}@c`,
      OTEL_TRACES_SAMPLER: secret,
      OTEL_TRACES_SAMPLER_ARG: '1.5',
      OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
    }
    const tell = () => readTraceSettings(env)
    for (const name of Object.keys(env)) expect(tell).toThrow(name)
    expect(tell).not.toThrow(secret)
  })
})
