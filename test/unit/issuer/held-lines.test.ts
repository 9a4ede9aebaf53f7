import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lineRates } from '../../../issuer/snapshots/line-pace.ts'
import { streamsPerPod } from '../../../issuer/snapshots/snapshot-server.ts'
import { guardedServices } from '../../../platform/kube/resources.ts'
import { service } from '../core/registry/objects.ts'
import { createSnapshotServerRig, type SnapshotServerRig } from './snapshot-server-rig.ts'

let rig: SnapshotServerRig
let clock: SnapshotServerRig['clock']
let guard: SnapshotServerRig['guard']

beforeEach(async () => {
  rig = createSnapshotServerRig()
  ;({ clock, guard } = rig)
  rig.shop()
  for (let at = 1; at <= streamsPerPod; at++) {
    rig.put(
      guardedServices,
      service('shop', `s${at}`, { targetRef: { name: 'orders', port: 'http' } }, { uid: `s${at}` }),
    )
  }
  rig.pod('a')
  rig.rights.add(proxies)
  await rig.start()
  await clock.advance(1_000)
})
afterEach(() => rig.stop())

const proxies = 'system:serviceaccount:proxies:app'
const lineBytes = 16_000
/** A line of that length, which tells the name of a key. */
function line(kid: string): string {
  const text = JSON.stringify({ held: { hash: 'a'.repeat(64), used: { keys: [[kid, 1, 0]] }, rest: '' } })
  return `${text.slice(0, -3)}${'x'.repeat(lineBytes - text.length)}"}}\n`
}
const told = (service = 'shop/orders') => rig.used.filter(([key]) => key === service).length

/** Writes lines as fast as they are read, up to so many. @returns how many were taken off its hands */
function flood(one: ReturnType<typeof guard>, lines: number): { sent(): number } {
  let sent = 0
  const go = (): void => {
    while (sent < lines && !one.request.destroyed) {
      sent++
      if (!one.request.write(line(`k${sent}`))) return void one.request.once('drain', go)
    }
  }
  go()
  return { sent: () => sent }
}

describe('lines of guards', () => {
  it('of one that sends without end are taken at its rate: what is beyond is not read', async () => {
    const one = guard({ pod: 'a' })
    await clock.advance(0)
    const pump = flood(one, 10_000)
    const { perSecond, burst } = lineRates.pod
    const most = (seconds: number) => (burst + seconds * perSecond) / lineBytes
    await expect.poll(() => told(), { timeout: 15_000 }).toBeGreaterThan(most(0) - 1)
    for (let turn = 0; turn < 50; turn++) await clock.advance(0)
    expect(told()).toBeLessThan(most(0) + 2)
    await clock.advance(20_000)
    expect(told()).toBeGreaterThan(most(10))
    expect(told()).toBeLessThan(most(20) + 2)
    // The rest is with the sender: what lies here between is bounded.
    expect(pump.sent() - told()).toBeLessThan(20)
    expect(rig.server.slowed()).toBeGreaterThan(100)
  })

  it('of all streams of a pod share its rate, and cost a guard of another namespace nothing', async () => {
    const services = Array.from({ length: streamsPerPod }, (_, at) => `shop/s${at + 1}`)
    const streams = services.map(one => guard({ pod: 'a', service: one }))
    await clock.advance(0)
    for (const one of streams) flood(one, 2_000)
    const sum = () => services.reduce((count, one) => count + told(one), 0)
    const most = lineRates.pod.burst / lineBytes
    await expect.poll(sum, { timeout: 15_000 }).toBeGreaterThan(most - 1)
    for (let turn = 0; turn < 50; turn++) await clock.advance(0)
    expect(sum()).toBeLessThan(most + streamsPerPod + 1)
    const other = guard()
    await clock.advance(0)
    other.request.write(line('k'))
    await clock.advance(0)
    expect(told()).toBe(1)
  })

  it('of all pods of a namespace share its rate', async () => {
    const pods = Array.from({ length: 12 }, (_, at) => `p${at}`)
    for (const name of pods) rig.pod(name)
    await clock.advance(100)
    const streams = pods.map(pod => guard({ pod }))
    await clock.advance(0)
    for (const one of streams) flood(one, 2_000)
    const most = lineRates.namespace.burst / lineBytes
    await expect.poll(() => told(), { timeout: 15_000 }).toBeGreaterThan(most - 1)
    for (let turn = 0; turn < 50; turn++) await clock.advance(0)
    expect(told()).toBeLessThan(most + pods.length + 1)
  })

  it('that are short count as more than they are, for each is work', async () => {
    const one = guard({ pod: 'a' })
    await clock.advance(0)
    const short = `${JSON.stringify({ held: { hash: 'a'.repeat(64), used: {} } })}\n`
    const lines = lineRates.pod.burst / 256
    for (let at = 0; at < lines + 2_000; at++) one.request.write(short)
    await expect.poll(() => told(), { timeout: 15_000 }).toBeGreaterThan(lines - 1)
    for (let turn = 0; turn < 50; turn++) await clock.advance(0)
    expect(told()).toBeLessThan(lines + 2)
  })

  it('are not looked at once the stream has ended', async () => {
    const one = guard({ pod: 'a' })
    await clock.advance(0)
    one.request.write(`nonsense\n${line('k').repeat(20)}`)
    await clock.advance(1_000)
    expect([one.end()?.code, told()]).toEqual(['request_malformed', 0])
    one.leave()
    await one.served
  })

  it('are waited for no longer when the guard goes away', async () => {
    const one = guard({ pod: 'a' })
    await clock.advance(0)
    flood(one, 10_000)
    await expect.poll(rig.server.slowed, { timeout: 15_000 }).toBeGreaterThan(0)
    one.leave()
    await one.served
    expect([...rig.server.streams()]).toEqual([])
  })
})

it('a pod behind many services has eight streams, and the place of one that ended', async () => {
  const streams = Array.from({ length: streamsPerPod }, (_, at) => guard({ pod: 'a', service: `shop/s${at + 1}` }))
  await clock.advance(0)
  const more = guard({ pod: 'a' })
  await clock.advance(0)
  expect(more.end()?.code).toBe('too_many_streams')
  expect([...rig.server.streams()]).toHaveLength(streamsPerPod)
  // Nobody else is meant.
  rig.pod('b')
  await clock.advance(100)
  const others = [guard({ pod: 'b' }), guard()]
  await clock.advance(0)
  expect(others.map(one => one.kinds())).toEqual([['full'], ['full']])
  streams[0]?.leave()
  await clock.advance(0)
  const again = guard({ pod: 'a' })
  await clock.advance(0)
  expect(again.kinds()).toEqual(['full'])
})
