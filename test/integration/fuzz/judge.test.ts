import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { brokenGuard, type Mistake, mistakes } from '../../fuzz/broken-guards.ts'
import { runCampaign } from '../../fuzz/campaign.ts'
import { knownInputs } from '../../fuzz/generate.ts'
import { type Origins, startOrigins } from '../../fuzz/origins/start-origins.ts'
import { readRequests } from '../../fuzz/read-requests.ts'
import { replay } from '../../fuzz/replay.ts'
import { disagreements } from '../../fuzz/straight.ts'

/** A judge that never says no proves nothing: it is shown guards that are wrong, and bytes that are ambiguous. */
const expected: Readonly<Record<string, readonly string[]>> = {
  'believes Content-Length and passes Transfer-Encoding on': ['broken'],
  'believes Content-Length and drops Transfer-Encoding': ['unread'],
  'takes LF for the end of a line': ['unread'],
  'keeps what clients say of themselves': ['field'],
  'keeps what belongs to one hop': ['field'],
  'decides on a normalised path and forwards the other': ['undecided'],
  'forwards the API key of a query': ['unread'],
  'sends a request twice': ['undecided'],
  'lets denied requests through': ['undecided'],
  'answers nothing': ['hang'],
}

let origins: Origins
beforeAll(async () => {
  origins = await startOrigins()
}, 600_000)
afterAll(() => origins.stop())

/** How long a client waits for its answers: on a busy machine hardly any come within the first of these. */
const patienceMs = [1_000, 4_000, 16_000]

/** Plays all inputs, again with more patience while what has to be found is not. */
async function findings(mistake: Mistake, wanted: readonly string[]): Promise<string[]> {
  const whole = knownInputs().filter(({ cuts }) => cuts.length === 0)
  const inputs = mistake.answersNothing ? whole.slice(-3) : whole
  const found = new Set<string>()
  for (const deadlineMs of patienceMs) {
    const startGuard = brokenGuard(mistake)
    const { failures } = await runCampaign({ startGuard, origins: [], inputs, deadlineMs, doubtMs: deadlineMs / 10 })
    for (const { kind } of failures) found.add(kind)
    if (wanted.every(kind => found.has(kind))) break
  }
  return [...found]
}

describe.concurrent.each(mistakes)('a guard that $name', mistake => {
  it('is caught', { timeout: 150_000 }, async ({ expect }) => {
    const wanted = expected[mistake.name] ?? ['?']
    expect(await findings(mistake, wanted)).toEqual(expect.arrayContaining([...wanted]))
  })
})

describe('the origins', () => {
  it('read ambiguous bytes in different ways, and the harness sees it', async () => {
    const inputs = knownInputs().filter(({ cuts }) => cuts.length === 0)
    const disagreed = (await disagreements(origins.all, inputs)).map(({ name }) => name)
    expect(disagreed.length).toBeGreaterThan(20)
    expect(disagreed).toEqual(expect.arrayContaining(['CL.TE', 'TE.CL', 'bare LF head', 'absolute form']))
  })

  it('are not taken to agree with a decision that they do not carry out', async () => {
    const text = 'POST /open/x HTTP/1.1\r\nHost: orders\r\nContent-Length: 5\r\n\r\nhello'
    const [request] = readRequests(text).requests
    if (!request) throw new Error('the request can be read')
    expect(await replay(origins.all, [{ raw: text, request }])).toEqual([])
    for (const raw of [
      text.replace('hello', 'hellO'),
      text.replace('POST', 'PUT'),
      text.replace('/open/x', '/open/y'),
      text.replace('\r\nHost', '\r\nLatchkey-Client: evil\r\nHost'),
      text
        .replace('Content-Length: 5', 'Transfer-Encoding: chunked')
        .replace('hello', '0\r\n\r\nGET /open/z HTTP/1.1\r\nHost: orders\r\n\r\n'),
      text.replace('Length: 5', 'Length: 4'),
      text.replace('Length: 5', 'Length: 6'),
    ]) {
      const differences = await replay(origins.all, [{ raw, request }])
      const told = differences.map(({ what }) => what.split(':', 1)[0])
      expect([...new Set(told)].sort(), raw).toEqual(['envoy', 'go', 'haproxy', 'llhttp', 'nginx'])
    }
  })
})
