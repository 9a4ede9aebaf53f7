import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { createServer, type HttpServer } from '../../../platform/http/server.ts'
import { createLog } from '../../../platform/log.ts'
import { createMetrics, type Metrics } from '../../../platform/metrics.ts'
import { createConclude } from '../../../webhook/admission/conclude.ts'
import { createAdmissionHandler } from '../../../webhook/admission/endpoint.ts'
import { createExaminer, type Examiner, longestOnMainBytes } from '../../../webhook/admission/examiner.ts'
import { namespaceOf } from '../../../webhook/admission/review.ts'
import { countReviews } from '../../../webhook/measure.ts'
import { longRoleCreation, reviewOf } from '../../attacks/long-reviews.ts'
import { settings } from './pods.ts'

const stubborn = fileURLToPath(new URL('../platform/stubborn-worker.ts', import.meta.url))
const short = reviewOf('Role', { rules: [{ services: ['orders'], methods: ['GET'], paths: ['/a'] }] })
/** What the stubborn thread is told to do, before a review that its uid is found in. */
const told = (word: string, namespace = 'shop'): string =>
  `${word} ${short.replace('"shop"', `"${namespace}"`)}`.padEnd(longestOnMainBytes + 1)

let examiner: Examiner
let server: HttpServer
let metrics: Metrics
const lines: string[] = []
const log = createLog({ process: 'test', destination: { write: line => lines.push(line) } })
async function start(file?: string) {
  examiner = createExaminer(settings, file)
  metrics = createMetrics({ process: 'test' })
  const missing = async () => []
  const conclude = createConclude({ look: async () => 'ToGuard', missing, taken: async () => false })
  const handler = createAdmissionHandler({
    ...{ find: async () => 'either' as const, examine: examiner.examine, conclude, now: () => 0 },
    ...{ begin: countReviews(metrics), log },
  })
  const limits = { bodyBytes: 3_000_000, longBodies: { sum: 64_000_000, perPeer: 64_000_000 } }
  server = createServer({ name: 'test', host: '127.0.0.1', port: 0, handler, log, limits })
  const base = `http://127.0.0.1:${(await server.listen()).port}`
  return (body: string) => fetch(base, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
}
afterEach(async () => {
  examiner.stop()
  await server.close(0)
})
const tooBusy = { status: 503, code: 'too_busy', title: 'Too much is under way: try again' }
const counted = async () => (await metrics.registry.metrics()).match(/^latchkey_admission_reviews_total\{.*$/gm)

describe('a long review', () => {
  it('is answered as a short one is, and counted', async () => {
    const post = await start()
    for (const body of [longRoleCreation, short]) {
      expect(await (await post(body)).json()).toMatchObject({ response: { uid: 'u-1', allowed: true } })
    }
    expect(await counted()).toEqual([expect.stringMatching(/webhook="\/validate",result="allowed".*\} 2$/)])
  })

  it.each(['exit', 'throw'])('whose thread dies is answered 503, and the next one is examined: %s', async word => {
    const post = await start(stubborn)
    const dead = await post(told(word))
    expect([dead.status, dead.headers.get('retry-after'), await dead.json()]).toEqual([503, '1', tooBusy])
    expect(lines.at(-1)).toContain('the thread that examines long reviews ended')
    expect(await counted()).toEqual([expect.stringMatching(/webhook="\/validate",result="failed".*\} 1$/)])
    expect(await (await post(told('fine'))).json()).toMatchObject({ response: { status: { message: 'fine' } } })
  })

  it('S06 that takes all the memory there is gets an answer that says so, and the next one is examined', async () => {
    const post = await start(stubborn)
    expect(await (await post(told('memory'))).json()).toMatchObject({
      response: { uid: 'u-1', allowed: false, status: { code: 413, message: expect.stringContaining('too costly') } },
    })
    expect(await (await post(told('fine'))).json()).toMatchObject({ response: { status: { message: 'fine' } } })
  })

  it('S06 finds its place however much of other namespaces waits; what has none is answered 503', async () => {
    const post = await start(stubborn)
    const refused = { greedy: 0, other: 0, shop: 0 }
    const send = async (word: string, namespace: keyof typeof refused): Promise<void> => {
      const answer = await post(told(word, namespace))
      if (answer.status !== 503) return
      refused[namespace]++
      expect(await answer.json()).toEqual(tooBusy)
    }
    const times = (namespace: keyof typeof refused) => Array.from({ length: 40 }, () => send('fine', namespace))
    const running = [send('loop', 'greedy')]
    running.push(...times('greedy'))
    // 16 of each wait.
    await expect.poll(() => refused.greedy).toBe(24)
    running.push(...times('other'))
    await expect.poll(() => refused.other).toBe(24)
    running.push(send('fine', 'shop'))
    await expect.poll(() => refused.greedy + refused.other).toBe(49)
    expect(refused.shop).toBe(0)
    examiner.stop()
    await Promise.all(running)
  })

  it('holds up no short one', async () => {
    const post = await start(stubborn)
    const running = post(told('loop'))
    expect(await (await post(short)).json()).toMatchObject({ response: { allowed: true } })
    examiner.stop()
    expect(await running).toMatchObject({ status: 500 })
  })
})

describe('whose turn a review is', () => {
  it.each<[string, string, string | undefined]>([
    ['as the API server writes it', short, 'shop'],
    ['of an object without one', short.replace('"namespace":"shop",', ''), undefined],
    ['a name that would be one', short.replace('"long"', '"\\"namespace\\":\\"other\\""'), 'shop'],
    ['too far behind', `${' '.repeat(2_100)}${short}`, undefined],
    ['that is none', short.replace('"shop"', '"SHOP"'), undefined],
  ])('%s', (_, text, namespace) => {
    expect(namespaceOf(Buffer.from(text))).toBe(namespace)
  })
})
