import { describe, expect, test } from 'vitest'
import { KubeError, type KubeObject } from '../../../../platform/kube/client.ts'
import { createEventRecorder, type EventText } from '../../../../platform/kube/event.ts'
import { createMetrics } from '../../../../platform/metrics.ts'
import { createManualClock, settled } from '../manual-clock.ts'
import { createQuietLog } from '../quiet-log.ts'

type Sent = { create: KubeObject } | { patch: string; count: number }

const regarding = {
  apiVersion: 'latchkey.dev/v1alpha1',
  kind: 'AccessKey',
  metadata: { name: 'a', namespace: 'ns', uid: 'u1', resourceVersion: '5' },
}
const minted: EventText = { type: 'Normal', reason: 'Minted', action: 'Mint', note: 'A key was minted.' }

function setUp(write: () => Promise<void> = async () => undefined) {
  const clock = createManualClock()
  const sent: Sent[] = []
  const { log, lines } = createQuietLog()
  const metrics = createMetrics({ process: 'test' })
  const recorder = createEventRecorder(
    {
      create: async (_resource, object) => {
        await write()
        sent.push({ create: object })
        return object
      },
      patch: async <T extends KubeObject>(_resource: unknown, _namespace: unknown, name: string, body: unknown) => {
        await write()
        sent.push({ patch: name, count: (body as { series: { count: number } }).series.count })
        return {} as T
      },
    },
    { reportingController: 'latchkey.dev/operator', reportingInstance: 'pod-1', log, metrics, clock },
  )
  const dropped = async () => Number(/latchkey_events_dropped_total (\d+)/.exec((await metrics.exposition()).body)?.[1])
  return { clock, sent, recorder, lines, dropped }
}

describe('event recorder', () => {
  test('writes an event beside its object, or in default for what has no namespace', async () => {
    const { recorder, sent } = setUp()
    recorder.record(regarding, minted)
    recorder.record({ ...regarding, metadata: { name: 'cluster-wide' } }, minted)
    await settled()
    expect(sent).toMatchObject([
      {
        create: {
          metadata: { name: expect.stringMatching(/^a\.[0-9a-f]{16}$/), namespace: 'ns' },
          eventTime: expect.stringMatching(/^2026-01-01T\d\d:\d\d:\d\d\.\d{6}Z$/),
          regarding: { kind: 'AccessKey', name: 'a', namespace: 'ns', uid: 'u1', resourceVersion: '5' },
          reportingController: 'latchkey.dev/operator',
          reportingInstance: 'pod-1',
          ...minted,
        },
      },
      { create: { metadata: { namespace: 'default' } } },
    ])
  })

  test('the same within six minutes counts up, at most every half minute; later it is a new one', async () => {
    const { recorder, sent, clock } = setUp()
    for (let second = 0; second < 65; second++) {
      recorder.record(regarding, minted)
      await clock.advance(1_000)
    }
    const counts = sent.map(one => ('count' in one ? one.count : 'created'))
    expect(counts).toEqual(['created', 2, 32, 62])
    recorder.record(regarding, { ...minted, note: 'Another.' })
    await clock.advance(400_000)
    recorder.record(regarding, minted)
    await settled()
    expect(sent.slice(4).map(one => 'create' in one)).toEqual([true, true])
  })

  test('a storm is thinned out to 25 and one a second, and the rest is counted', async () => {
    const { recorder, sent, clock, dropped } = setUp()
    const storm = (count: number, at: number) => {
      for (let i = 0; i < count; i++) recorder.record(regarding, { ...minted, note: `${at}-${i}` })
    }
    storm(1_000, 0)
    await settled()
    expect(sent).toHaveLength(25)
    for (let second = 0; second < 10; second++) {
      await clock.advance(1_000)
      storm(100, second + 1)
    }
    await settled()
    expect(sent).toHaveLength(35)
    expect(await dropped()).toBe(1_965)
  })

  test('a storm crowds out neither another namespace nor a warning of its own (S06)', async () => {
    const { recorder, sent } = setUp()
    for (let i = 0; i < 100; i++) recorder.record(regarding, { ...minted, note: String(i) })
    recorder.record(regarding, { ...minted, type: 'Warning' })
    recorder.record({ ...regarding, metadata: { name: 'b', namespace: 'other' } }, minted)
    await settled()
    const told = sent.slice(25).map(one => 'create' in one && one.create.metadata.namespace)
    expect(told).toEqual(['ns', 'other'])
  })

  test('neither a refusal nor a broken connection reaches the caller or stops the next event', async () => {
    const failures = [new KubeError('events POST', 403, 'Forbidden'), new Error('reset')]
    const { recorder, sent, dropped, lines } = setUp(async () => {
      const failure = failures.shift()
      if (failure) throw failure
    })
    for (const note of ['one', 'two', 'three']) recorder.record(regarding, { ...minted, note })
    await settled()
    expect(sent).toHaveLength(1)
    expect(await dropped()).toBe(2)
    expect(lines.map(line => line.level)).toEqual(['debug', 'warn'])
  })

  test('a hanging API server blocks nobody and fills no memory', async () => {
    const { recorder, clock, dropped } = setUp(() => new Promise(() => undefined))
    for (let i = 0; i < 1_000; i++) {
      recorder.record(regarding, { ...minted, note: String(i) })
      await clock.advance(1_000)
    }
    // One is on its way, 200 wait.
    expect(await dropped()).toBe(799)
  })

  test('what is too long is cut', async () => {
    const { recorder, sent } = setUp()
    recorder.record(
      { ...regarding, metadata: { name: 'n'.repeat(253), namespace: 'ns' } },
      { ...minted, note: 'x'.repeat(5_000) },
    )
    await settled()
    const event = (sent[0] as { create: KubeObject & { note: string } }).create
    expect(event.note).toHaveLength(1_024)
    expect(event.metadata.name.length).toBeLessThanOrEqual(253)
  })
})
