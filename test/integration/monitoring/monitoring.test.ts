import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { repositoryRoot } from '../../cluster/binaries.ts'
import { chart, renderChart } from '../chart/render-chart.ts'
import { of, sets } from '../chart/value-sets.ts'
import { until } from '../operator/cluster.ts'
import { type Metric, readExposition, readPage } from './exposition.ts'
import { type Processes, type ProcessName, processNames, startProcesses } from './processes.ts'
import { readPromql } from './promql.ts'
import { promtool } from './promtool.ts'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly annotations: { readonly summary: string }
}

let processes: Processes
const scraped = new Map<ProcessName, Map<string, Metric>>()
const texts = new Map<ProcessName, string>()
let page: ReturnType<typeof readPage>
beforeAll(async () => {
  processes = await startProcesses()
  // What only the leader has comes once it leads.
  await until(
    async () => /^latchkey_guards_expected 0$/m.test(await processes.scrape('operator')),
    'the operator leads',
  )
  for (const name of processNames) {
    const text = await processes.scrape(name)
    texts.set(name, text)
    scraped.set(name, readExposition(text))
  }
  page = readPage(await readFile(join(repositoryRoot, 'docs/metrics.md'), 'utf8'))
})
afterAll(() => processes?.close())

const sections: Record<ProcessName, string[]> = {
  guard: ['Every process', 'Guard', 'Node.js'],
  authorizer: ['Every process', 'Authorizer', 'Node.js'],
  issuer: ['Every process', 'Control plane', 'Issuer', 'Node.js'],
  operator: ['Every process', 'Control plane', 'Operator', 'Node.js'],
  webhook: ['Every process', 'Control plane', 'Webhook', 'Node.js'],
}
const documented = (name: ProcessName): Map<string, Metric> =>
  new Map(sections[name].flatMap(section => [...(page.get(section) ?? [])]))

describe.each(processNames)('the metrics of the %s', name => {
  it('are those of docs/metrics.md, with these types, no more and no fewer', () => {
    const typed = (metrics: Map<string, Metric>) => [...metrics].map(([metric, { type }]) => `${metric} ${type}`).sort()
    expect(typed(scraped.get(name) ?? new Map())).toEqual(typed(documented(name)))
  })
  it('have the labels that the page says', () => {
    for (const [metric, { labels }] of scraped.get(name) ?? []) {
      if (labels.length > 0) expect([metric, labels]).toEqual([metric, documented(name).get(metric)?.labels])
    }
  })
  it('are named as promtool wants them, but for those of Node.js, which are not ours', async () => {
    const ours = (texts.get(name) ?? '').split('\n').filter(line => !line.includes('nodejs_'))
    const found = await promtool(['check', 'metrics'], {}, ours.join('\n'))
    expect(found).toBe('')
  })
})

/** Labels that a target has, whatever it exposes. */
const ofTargets = ['namespace', 'pod', 'job', 'instance', 'service', 'latchkey_dev_guard']

function expectKnown(expression: string): void {
  const all = new Map(processNames.flatMap(name => [...documented(name)]))
  const { selections, grouped } = readPromql(expression)
  const known = new Set([...ofTargets, 'le'])
  for (const { metric, matched } of selections) {
    const base = metric.replace(/_(bucket|sum|count)$/, '')
    const found = all.get(metric) ?? (all.get(base)?.type === 'histogram' ? all.get(base) : undefined)
    if (metric !== 'up') expect([expression, metric, found]).toEqual([expression, metric, expect.anything()])
    for (const label of matched) expect([...ofTargets, ...(found?.labels ?? [])]).toContain(label)
    for (const label of found?.labels ?? []) known.add(label)
  }
  for (const label of grouped) expect([...known]).toContain(label)
}

async function rulesOf(): Promise<Rule[]> {
  const rendered = await Promise.all(['everything on', 'external authorizer'].map(set => renderChart(sets[set])))
  const groups = of(rendered.flat(), 'PrometheusRule').flatMap(
    rule => (rule as never as { spec: { groups: { rules: Rule[] }[] } }).spec.groups,
  )
  return [...new Map(groups.flatMap(({ rules }) => rules.map(rule => [rule.alert, rule] as const))).values()]
}

interface Panel {
  readonly title: string
  readonly type: string
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}
async function panelsOf(): Promise<Panel[]> {
  const { panels } = JSON.parse(await readFile(join(chart, 'files/monitoring/dashboard.json'), 'utf8')) as {
    panels: Panel[]
  }
  return panels.filter(({ type }) => type !== 'row')
}

describe('the dashboard', () => {
  it('draws metrics that exist, by labels that they have', async () => {
    const panels = await panelsOf()
    expect(panels.length).toBeGreaterThan(30)
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length)
    for (const { targets = [] } of panels) {
      expect(targets.length).toBeGreaterThan(0)
      for (const { expr } of targets) expectKnown(expr)
    }
  })
  it('has expressions that Prometheus takes', async () => {
    const rules = (await panelsOf()).flatMap(({ targets = [] }, panel) =>
      targets.map(({ expr }, at) => ({ record: `panel:${panel}:${at}`, expr: expr.replaceAll('$namespace', 'shop') })),
    )
    const found = await promtool(['check', 'rules'], { 'rules.yaml': { groups: [{ name: 'dashboard', rules }] } })
    expect(found).toContain(`SUCCESS: ${rules.length} rules found`)
  })
  it('draws every metric of the guard', async () => {
    const drawn = JSON.stringify(await panelsOf())
    for (const metric of page.get('Guard')?.keys() ?? []) expect(drawn).toContain(metric)
  })
})

/** What makes each alert fire, as series of promtool: values a minute apart. */
const job = 'namespace="latchkey-system", service="latchkey-metrics"'
const pod = 'namespace="shop", pod="orders-1", latchkey_dev_guard="orders"'
const causes: Readonly<Record<string, readonly (readonly [series: string, values: string])[]>> = {
  LatchkeyNoLeader: [[`leader_election_master_status{${job}, pod="a"}`, '0x60']],
  LatchkeyReconcileErrors: [[`controller_runtime_reconcile_errors_total{${job}, controller="role"}`, '0+60x60']],
  LatchkeyWatchMisses: [[`latchkey_events_missed_total{${job}, resource="pods"}`, '0x10 1x50']],
  LatchkeyQueueGrows: [[`workqueue_depth{${job}, name="role"}`, '101x60']],
  LatchkeyDown: [[`up{${job}, pod="a"}`, '1x60']],
  LatchkeyCertificateEnds: [
    [`latchkey_serving_certificate_expiry_timestamp_seconds{${job}, pod="a"}`, `${14 * 86_400}x60`],
  ],
  LatchkeyRotationLate: [[`latchkey_rotation_due_timestamp_seconds{${job}, key="authority"}`, '-172800x60']],
  LatchkeyClockSkew: [[`latchkey_clock_ahead_seconds{${job}, pod="a"}`, '-21x60']],
  LatchkeyKeyEnds: [[`latchkey_access_keys_expiring{${job}, within="7d"}`, '2x60']],
  LatchkeyEnforcementLags: [[`latchkey_enforcement_oldest_wait_seconds{${job}}`, '301x60']],
  LatchkeyGuardsMissing: [
    [`latchkey_guards_current{${job}}`, '2x60'],
    [`latchkey_guards_expected{${job}}`, '3x60'],
  ],
  LatchkeyServiceBypassesGuard: [[`latchkey_guarded_services{${job}, enforced="ServiceBypassesGuard"}`, '1x90']],
  LatchkeySliceTooLarge: [[`latchkey_guarded_services{${job}, enforced="SliceTooLarge"}`, '1x90']],
  LatchkeyStreamsDoNotHold: [
    [`latchkey_issuer_streams_opened_total{${job}, pod="a"}`, '0+10x60'],
    [`latchkey_issuer_guards{${job}, pod="a"}`, '3x60'],
  ],
  LatchkeyWebhookFails: [[`latchkey_admission_reviews_total{${job}, webhook="/mutate", result="failed"}`, '0x55 1x10']],
  LatchkeyAuthorizerCutOff: [
    [`latchkey_authorizer_snapshot_connected{${job}, pod="a", guarded_service="shop/orders"}`, '0x60'],
  ],
  LatchkeyGuardDeniesAll: [[`latchkey_guard_snapshot_usable{${pod}}`, '0x60']],
  LatchkeyGuardPolicyStale: [
    [`latchkey_guard_snapshot_age_seconds{${pod}}`, '600x60'],
    [`latchkey_guard_snapshot_max_age_seconds{${pod}}`, '1000x60'],
  ],
  LatchkeyGuardCutOff: [[`latchkey_guard_snapshot_connected{${pod}}`, '0x60']],
  LatchkeyGuardBypassed: [[`latchkey_guard_exposed_ports{${pod}}`, '1x60']],
  LatchkeyAuditLost: [[`latchkey_guard_audit_dropped_total{${pod}}`, '0x57 9x10']],
  LatchkeyUpstreamFaults: [
    [`latchkey_guard_upstream_faults_total{${pod}, fault="upstream_timeout"}`, '0+6x60'],
    [`latchkey_guard_decisions_total{${pod}, decision="allow", reason="granted"}`, '0+100x60'],
  ],
  LatchkeyMostCallsDenied: [
    [`latchkey_guard_decisions_total{${pod}, decision="deny", reason="not_granted"}`, '0+60x60'],
    [`latchkey_guard_decisions_total{${pod}, decision="allow", reason="granted"}`, '0+40x60'],
  ],
  LatchkeyWouldDeny: [[`latchkey_guard_would_deny_total{${pod}}`, '0x30 5x30']],
  LatchkeyGuardFull: [[`latchkey_guard_limits_hit_total{${pod}, limit="connections"}`, '0x57 1x10']],
}

/** The same series of a healthy installation: nothing may fire. */
const calm: readonly (readonly [series: string, values: string])[] = [
  ...['a', 'b', 'c'].map(name => [`up{${job}, pod="${name}"}`, '1x90'] as const),
  [`leader_election_master_status{${job}, pod="a"}`, '1x90'],
  [`leader_election_master_status{${job}, pod="b"}`, '0x90'],
  [`controller_runtime_reconcile_errors_total{${job}, controller="role"}`, '3x90'],
  [`latchkey_events_missed_total{${job}, resource="pods"}`, '7x90'],
  [`workqueue_depth{${job}, name="role"}`, '5x90'],
  [`latchkey_serving_certificate_expiry_timestamp_seconds{${job}, pod="a"}`, `${60 * 86_400}x90`],
  [`latchkey_rotation_due_timestamp_seconds{${job}, key="authority"}`, '90000x90'],
  [`latchkey_clock_ahead_seconds{${job}, pod="a"}`, '2x90'],
  [`latchkey_access_keys_expiring{${job}, within="7d"}`, '0x90'],
  [`latchkey_access_keys_expiring{${job}, within="30d"}`, '4x90'],
  [`latchkey_enforcement_oldest_wait_seconds{${job}}`, '1x90'],
  [`latchkey_guards_current{${job}}`, '3x90'],
  [`latchkey_guards_expected{${job}}`, '3x90'],
  [`latchkey_guarded_services{${job}, enforced="ServiceBypassesGuard"}`, '0x90'],
  [`latchkey_guarded_services{${job}, enforced="SliceTooLarge"}`, '0x90'],
  [`latchkey_issuer_streams_opened_total{${job}, pod="a"}`, '9x90'],
  [`latchkey_issuer_guards{${job}, pod="a"}`, '3x90'],
  [`latchkey_admission_reviews_total{${job}, webhook="/mutate", result="failed"}`, '1x90'],
  [`latchkey_authorizer_snapshot_connected{${job}, pod="a", guarded_service="shop/orders"}`, '1x90'],
  [`latchkey_guard_snapshot_usable{${pod}}`, '1x90'],
  [`latchkey_guard_snapshot_age_seconds{${pod}}`, '5x90'],
  [`latchkey_guard_snapshot_max_age_seconds{${pod}}`, '86400x90'],
  [`latchkey_guard_snapshot_connected{${pod}}`, '1x90'],
  [`latchkey_guard_exposed_ports{${pod}}`, '0x90'],
  [`latchkey_guard_audit_dropped_total{${pod}}`, '4x90'],
  [`latchkey_guard_upstream_faults_total{${pod}, fault="upstream_timeout"}`, '0+1x90'],
  [`latchkey_guard_decisions_total{${pod}, decision="allow", reason="granted"}`, '0+100x90'],
  [`latchkey_guard_decisions_total{${pod}, decision="deny", reason="not_granted"}`, '0+10x90'],
  [`latchkey_guard_would_deny_total{${pod}}`, '8x90'],
  [`latchkey_guard_limits_hit_total{${pod}, limit="connections"}`, '2x90'],
]

describe('the alerts', () => {
  it('watch metrics that exist, by labels that they have', async () => {
    for (const { expr } of await rulesOf()) expectKnown(expr)
  })
  it('are rules that Prometheus takes', async () => {
    const rules = await rulesOf()
    const found = await promtool(['check', 'rules'], { 'rules.yaml': { groups: [{ name: 'latchkey', rules }] } })
    expect(found).toContain(`SUCCESS: ${rules.length} rules found`)
  })
  it('have a cause each, by which they fire, and none fires while all is well', async () => {
    const rules = await rulesOf()
    expect(rules.map(({ alert }) => alert).sort()).toEqual(Object.keys(causes).sort())
    const series = (list: readonly (readonly [string, string])[]) =>
      list.map(([name, values]) => ({ series: name, values }))
    // An alert is there under its name when it fires; its labels are not what is asked.
    const count = (alert: string) => `count(ALERTS{alertname="${alert}", alertstate="firing"})`
    const fires = Object.entries(causes).map(([alert, list]) => ({
      interval: '1m',
      input_series: series(list),
      promql_expr_test: [{ expr: count(alert), eval_time: '61m', exp_samples: [{ labels: '{}', value: 1 }] }],
    }))
    const quiet = {
      interval: '1m',
      input_series: series(calm),
      promql_expr_test: rules.map(({ alert }) => ({ expr: count(alert), eval_time: '61m', exp_samples: [] })),
    }
    const found = await promtool(['test', 'rules'], {
      'tests.yaml': { rule_files: ['rules.yaml'], evaluation_interval: '1m', tests: [...fires, quiet] },
      'rules.yaml': { groups: [{ name: 'latchkey', rules }] },
    })
    expect(found).toContain('SUCCESS')
  })
})
