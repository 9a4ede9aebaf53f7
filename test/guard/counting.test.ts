import { Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { countDecisions } from '../../enforce/report/decision-counters.ts'
import { boundedMemo } from '../../platform/wire/fields/bounded-memo.ts'
import { newRequestId } from '../../platform/wire/request-id.ts'

describe('the counters of decisions', () => {
  it('give the series of a counter and a histogram, and none for what never was', async () => {
    const registry = new Registry()
    const { decided } = countDecisions(registry)
    for (const seconds of [0.0004, 0.0005, 0.3, 20]) decided('allow', 'granted', seconds, 200)
    decided('deny', 'not_granted', 0.001, 403)
    decided('allow', 'not_granted', 0.001, undefined)
    const lines = (await registry.metrics()).split('\n')
    expect(lines.filter(line => line.startsWith('latchkey_guard_decisions_total')).sort()).toEqual([
      'latchkey_guard_decisions_total{decision="allow",reason="granted"} 4',
      'latchkey_guard_decisions_total{decision="allow",reason="not_granted"} 1',
      'latchkey_guard_decisions_total{decision="deny",reason="not_granted"} 1',
    ])
    const name = 'latchkey_guard_request_duration_seconds'
    expect(lines).toContain(`# TYPE ${name} histogram`)
    expect(lines).toContain(`${name}_bucket{le="0.0005",status="2xx"} 2`)
    expect(lines).toContain(`${name}_bucket{le="10",status="2xx"} 3`)
    expect(lines).toContain(`${name}_bucket{le="+Inf",status="2xx"} 4`)
    expect(lines).toContain(`${name}_count{status="2xx"} 4`)
    expect(lines).toContain(`${name}_count{status="none"} 1`)
    expect(lines.some(line => line.includes('5xx'))).toBe(false)
  })
})

describe('a bounded memory', () => {
  it('asks once for what it remembers, and never holds more than two generations', () => {
    let asked = 0
    const length = boundedMemo(4, text => {
      asked++
      return text.length
    })
    for (let turn = 0; turn < 50; turn++) expect(length('same')).toBe(4)
    expect(asked).toBe(1)
    for (let at = 0; at < 100; at++) length(`other-${at}`)
    expect(asked).toBe(101)
    length('same')
    expect(asked).toBe(102)
  })
  it('does not remember long texts', () => {
    let asked = 0
    const ask = boundedMemo(4, () => ++asked)
    ask('x'.repeat(65))
    expect(ask('x'.repeat(65))).toBe(2)
  })
})

it('request ids are random UUIDs, each another one', () => {
  const ids = new Set(Array.from({ length: 1_000 }, newRequestId))
  expect(ids.size).toBe(1_000)
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})
