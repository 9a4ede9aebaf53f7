import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { createPolicy } from '../../enforce/policy/policy.ts'
import { createGuardMetrics } from '../../enforce/report/metrics.ts'
import { openAudit } from '../../enforce/report/open-audit.ts'
import { auditOtlpOf } from '../../guard/config.ts'
import { createQuietLog } from '../unit/platform/quiet-log.ts'
import { type Collector, startCollector } from './otlp-collector.ts'
import { alice } from './policy-rows.ts'
import { sendRaw } from './raw-socket.ts'
import { type App, createSteppedClock, startApp, startGuard } from './rig.ts'

let app: App
let collector: Collector
let folder: string
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())
beforeEach(async () => {
  collector = await startCollector()
  folder = await mkdtemp(join(tmpdir(), 'otlp-'))
})
afterEach(async () => {
  await collector.close()
  await rm(folder, { recursive: true })
})

async function calls(...tokens: (string | undefined)[]): Promise<{ metrics: string }> {
  const metrics = createGuardMetrics(createPolicy(createSteppedClock()))
  const settings = { audit: join(folder, 'audit.log'), auditOtlp: collector.url, service: 'shop/orders' }
  const audit = await openAudit(settings, { metrics, log: createQuietLog().log, version: '1.2.3' })
  const rig = await startGuard(app.port, { audit })
  for (const token of tokens) {
    const credential = token === undefined ? '' : `Authorization: Bearer ${token}\r\n`
    await sendRaw(rig.port, `GET /api/x?secret=hush HTTP/1.1\r\nHost: orders\r\n${credential}\r\n`)
  }
  await rig.close()
  await audit.flush(5_000)
  return { metrics: (await metrics.exposition()).body }
}

it('exports every decision as a log record whose attributes are the members of the audit line', async () => {
  const { metrics } = await calls(alice.token(), undefined)
  expect(collector.requests.map(({ path }) => path)).toEqual(['/v1/logs'])
  const [allowed, denied] = collector.logs()
  expect(allowed).toMatchObject({
    body: 'allow granted',
    eventName: 'latchkey.decision',
    severityText: 'INFO',
    resource: { 'service.name': 'latchkey-guard', 'service.version': '1.2.3', 'latchkey.service': 'shop/orders' },
    attributes: {
      'latchkey.v': 1,
      'latchkey.decision': 'allow',
      'latchkey.client': 'callers/alice',
      'latchkey.rule': 'role/caller#0',
      'latchkey.path': '/api/x',
      'latchkey.status': 200,
    },
  })
  expect(Number(allowed?.timeUnixNano)).toBeGreaterThan(1e18)
  expect(denied).toMatchObject({ body: 'deny credential_missing', severityText: 'WARN' })
  expect(collector.requests[0]?.text).not.toContain('hush')
  expect(metrics).toContain('latchkey_guard_audit_not_exported_total 0')
})

it('counts what a collector refuses; calls and the audit sink know nothing of it', async () => {
  collector.answer = 400
  const { metrics } = await calls(alice.token(), alice.token())
  expect(metrics).toContain('latchkey_guard_audit_not_exported_total 2')
})

it('goes where LATCHKEY_AUDIT_OTLP says, else to the collector of everything else, unless that gets no logs', () => {
  const own = 'http://own'
  const all = 'http://all'
  expect(auditOtlpOf({ auditOtlp: own, otlpEndpoint: all, otlpLogs: 'none' })).toBe(own)
  expect(auditOtlpOf({ auditOtlp: undefined, otlpEndpoint: all, otlpLogs: 'otlp' })).toBe(all)
  expect(auditOtlpOf({ auditOtlp: undefined, otlpEndpoint: all, otlpLogs: 'none' })).toBeUndefined()
  expect(auditOtlpOf({ auditOtlp: undefined, otlpEndpoint: undefined, otlpLogs: 'otlp' })).toBeUndefined()
})

it('is loaded only when asked for: what a guard starts with has nothing of the exporter', {
  timeout: 30_000,
}, async () => {
  const { metafile } = await build({
    entryPoints: ['guard/main.ts'],
    outdir: join(folder, 'dist'),
    bundle: true,
    splitting: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
  })
  const entry = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === 'guard/main.ts')
  const started = new Set<string>(entry ? [entry[0]] : [])
  for (const file of started) {
    for (const { path, kind } of metafile.outputs[file]?.imports ?? [])
      if (kind === 'import-statement') started.add(path)
  }
  const loaded = [...started].flatMap(file => Object.keys(metafile.outputs[file]?.inputs ?? {}))
  const all = Object.keys(metafile.inputs)
  const isExporter = (input: string): boolean => /@opentelemetry\/(?!api\/)|audit-otlp/.test(input)
  expect(loaded.length).toBeGreaterThan(50)
  expect(all.some(isExporter)).toBe(true)
  expect(loaded.filter(isExporter)).toEqual([])
})
