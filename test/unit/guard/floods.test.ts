import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createByteMeter } from '../../../guard/http2/watch/byte-meter.ts'
import { createFloodMeter, createSessionMeter } from '../../../guard/http2/watch/floods.ts'
import type { Clock } from '../../../platform/clock.ts'

function stopped() {
  const state = { now: 0 }
  return { state, clock: { now: () => state.now } as Clock }
}

describe('S05 nuisances', () => {
  it('of one connection are counted for ten seconds', () => {
    const { state, clock } = stopped()
    const isTooMuch = createSessionMeter(clock)
    for (let at = 0; at < 60; at++) expect(isTooMuch('ping')).toBe(false)
    expect(isTooMuch('ping')).toBe(true)
    state.now += 10_001
    expect(isTooMuch('ping')).toBe(false)
  })
  it('of one peer are counted over all its connections; others are not touched', () => {
    const { state, clock } = stopped()
    const meter = createFloodMeter(clock)
    for (let at = 0; at < 1_024; at++) expect(meter.count('a', 'reset')).toBe(false)
    expect(meter.count('a', 'reset')).toBe(true)
    expect([meter.isFlooding('a'), meter.isFlooding('b')]).toEqual([true, false])
    state.now += 10_001
    expect(meter.isFlooding('a')).toBe(false)
  })
  it('of all together are cut where a peer has more than its part', () => {
    const { clock } = stopped()
    const meter = createFloodMeter(clock)
    for (let peer = 0; peer < 40; peer++) for (let at = 0; at < 220; at++) meter.count(`p${peer}`, 'reset')
    expect(meter.isFlooding('p0')).toBe(true)
    expect(meter.count('good', 'reset')).toBe(false)
  })
})

describe('bytes that no call explains', () => {
  const start = () => {
    const socket = { bytesRead: 0, bytesWritten: 0 }
    const meter = createByteMeter(socket as unknown as Socket)
    meter.isTooMuch(0)
    return { socket, meter }
  }
  it('are a flood from a quarter of a mebibyte on', () => {
    const { socket, meter } = start()
    socket.bytesRead = 262_144
    expect(meter.isTooMuch(1)).toBe(false)
    socket.bytesRead++
    expect(meter.isTooMuch(2)).toBe(true)
  })
  it('are none when data, calls and answers explain them', () => {
    const { socket, meter } = start()
    socket.bytesRead = 262_144 + 20_480 + 12_000 + 1_000
    meter.call()
    meter.data(1_000)
    socket.bytesWritten = 16_000
    expect(meter.isTooMuch(1)).toBe(false)
    socket.bytesRead++
    expect(meter.isTooMuch(2)).toBe(true)
  })
  it('are forgotten after ten seconds', () => {
    const { socket, meter } = start()
    socket.bytesRead = 300_000
    expect(meter.isTooMuch(100)).toBe(false)
    expect(meter.isTooMuch(101)).toBe(false)
  })
})
