import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../../platform/clock.ts'
import { createKubeClient } from '../../../../platform/kube/client.ts'
import { createServerClock } from '../../../../platform/kube/server-clock.ts'
import { startFaultyServer } from './faulty-server.ts'

const noon = Date.UTC(2026, 0, 1, 12)
const minute = 60_000
const utc = (ms: number): string => new Date(ms).toUTCString()

/** What the time of day is by a clock that shows noon, after an answer. */
function afterAnswer(said: string | undefined, sentMs: number, receivedMs: number): number {
  const clock = createServerClock({ ...systemClock, wallMs: () => noon })
  clock.heard({ date: said, sentMs, receivedMs })
  return clock.wallMs() - noon
}

describe("a clock that goes by the API server's (F09)", () => {
  it.each([
    ['is the machine’s own before the first answer', undefined, 0, 0, 0],
    ['and after one without a time', undefined, noon, noon, 0],
    ['and after one whose time is none', 'soon', noon, noon, 0],
    ['is the machine’s own where both agree', utc(noon), noon, noon + 10, 0],
    ['for Date leaves out up to a second', utc(noon - 1_000), noon, noon, 0],
    ['goes back by what the machine is ahead', utc(noon - 5 * minute), noon, noon + 10, -5 * minute + 1_000],
    ['goes forward by what it is behind', utc(noon + 5 * minute), noon - 10, noon, 5 * minute],
    ['believes nothing of an answer that was long under way', utc(noon), noon - minute, noon + minute, 0],
    ['only what such an answer proves', utc(noon - 5 * minute), noon - minute, noon + minute, -4 * minute + 1_000],
    ['in both directions', utc(noon + 5 * minute), noon - minute, noon + minute, 4 * minute],
  ])('%s', (_, said, sentMs, receivedMs, moved) => {
    expect(afterAnswer(said, sentMs, receivedMs)).toBe(moved)
  })

  it('goes by the last answer', () => {
    const clock = createServerClock({ ...systemClock, wallMs: () => noon })
    clock.heard({ date: utc(noon - 5 * minute), sentMs: noon, receivedMs: noon })
    clock.heard({ date: utc(noon), sentMs: noon, receivedMs: noon })
    expect(clock.wallMs()).toBe(noon)
  })

  it('measures by the machine’s own all the same', () => {
    const clock = createServerClock({ ...systemClock, now: () => 7 })
    clock.heard({ date: utc(noon - 5 * minute), sentMs: noon, receivedMs: noon })
    expect(clock.now()).toBe(7)
  })
})

describe('a client of the API server', () => {
  const cleanUp: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const step of cleanUp.splice(0)) await step()
  })

  it('sets the clock that it was given by every answer, a refusal too', async () => {
    let ahead = 3_600_000
    const server = await startFaultyServer((_request, response) => {
      response.writeHead(403, { date: utc(Date.now() - ahead) }).end()
    })
    const clock = createServerClock({ ...systemClock, wallMs: () => noon })
    const client = createKubeClient(server.connection, { clock })
    cleanUp.push(client.close, server.close)
    await expect(client.raw('GET', '/version')).rejects.toThrow()
    // How long the answer was under way is not known; an hour it was not.
    expect(clock.wallMs()).toBeLessThan(noon - 1_800_000)
    ahead = 0
    await expect(client.raw('GET', '/version')).rejects.toThrow()
    expect(clock.wallMs()).toBe(noon)
  })
})
