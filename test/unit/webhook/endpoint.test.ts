import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createServer, type HttpServer } from '../../../platform/http/server.ts'
import { createLog } from '../../../platform/log.ts'
import { createMetrics } from '../../../platform/metrics.ts'
import { createConclude } from '../../../webhook/admission/conclude.ts'
import { createAdmissionHandler } from '../../../webhook/admission/endpoint.ts'
import { examineReview } from '../../../webhook/admission/examine-review.ts'
import { createExaminer, type Examiner } from '../../../webhook/admission/examiner.ts'
import type { PathQuestion } from '../../../webhook/admission/known-paths.ts'
import { countReviews } from '../../../webhook/measure.ts'
import { applyPatch } from './apply-patch.ts'
import { injected, podOf, settings } from './pods.ts'

const lines: string[] = []
const metrics = createMetrics({ process: 'test' })
const log = createLog({ process: 'test', destination: { write: line => lines.push(line) } })
let examiner: Examiner
let server: HttpServer
let base: string

beforeAll(async () => {
  const questions = new Map<string, PathQuestion>([
    ['/validate', 'validate'],
    ['/mutate', 'mutate'],
    ['/either', 'either'],
  ])
  const conclude = createConclude({
    async look(namespace) {
      if (namespace === 'broken') throw new Error('a bug')
      return 'ToGuard'
    },
    missing: async () => [],
    taken: async () => false,
  })
  examiner = createExaminer(settings)
  const find = async (path: string) => questions.get(path)
  const { examine } = examiner
  const handler = createAdmissionHandler({ find, examine, conclude, now: () => 0, begin: countReviews(metrics), log })
  server = createServer({ name: 'test', host: '127.0.0.1', port: 0, handler, log })
  base = `http://127.0.0.1:${(await server.listen()).port}`
})
afterAll(async () => {
  await server.close(0)
  examiner.stop()
})

const post = (path: string, body: string, type = 'application/json') =>
  fetch(base + path, { method: 'POST', headers: { 'content-type': type }, body })
const review = (request: object) =>
  JSON.stringify({
    kind: 'AdmissionReview',
    apiVersion: 'admission.k8s.io/v1',
    request: { uid: 'u-1', operation: 'CREATE', namespace: 'shop', name: 'x', ...request },
  })
const pod = { kind: { group: '', kind: 'Pod', version: 'v1' }, object: podOf() }
const verdictOf = async (answer: Response) => ((await answer.json()) as { response: Record<string, unknown> }).response

describe('the admission endpoint', () => {
  it('answers a pod with a patch that injects the guard', async () => {
    const answer = await post('/mutate', review(pod))
    const { patch, ...rest } = await verdictOf(answer)
    expect(rest).toEqual({ uid: 'u-1', allowed: true, patchType: 'JSONPatch' })
    const operations = JSON.parse(Buffer.from(patch as string, 'base64').toString())
    expect(applyPatch(podOf(), operations)).toEqual(injected(podOf()))
  })

  it('leaves a pod without the label, another kind and another operation alone', async () => {
    const unlabelled = { ...pod, object: { ...podOf(), metadata: { name: 'x' } } }
    for (const request of [
      unlabelled,
      { ...pod, kind: { group: 'apps', kind: 'Pod' } },
      { ...pod, operation: 'UPDATE' },
    ])
      expect(await verdictOf(await post('/mutate', review(request)))).toEqual({ uid: 'u-1', allowed: true })
  })

  it('refuses with a status that names the field', async () => {
    const object = { spec: { rules: [] } }
    const answer = await post('/validate', review({ kind: { group: 'latchkey.dev', kind: 'Role' }, object }))
    expect(await verdictOf(answer)).toEqual({
      uid: 'u-1',
      allowed: false,
      status: {
        status: 'Failure',
        code: 422,
        reason: 'Invalid',
        message: expect.stringMatching(/^spec\.rules: /),
        details: { causes: [{ reason: 'FieldValueInvalid', field: 'spec.rules', message: expect.any(String) }] },
      },
    })
  })

  it('denies, and says nothing of the cause, when it fails itself', async () => {
    const verdict = await verdictOf(await post('/mutate', review({ ...pod, namespace: 'broken' })))
    expect(verdict).toMatchObject({ allowed: false, status: { code: 500, reason: 'InternalError' } })
    expect(JSON.stringify(verdict)).not.toContain('a bug')
    expect(lines.at(-1)).toContain('an admission review failed')
  })

  it.each<[string, () => Promise<Response>, number]>([
    ['another path', () => post('/', '{}'), 404],
    ['a name every object has', () => post('/constructor', '{}'), 404],
    ['GET', () => fetch(`${base}/mutate`), 405],
    ['another content type', () => post('/mutate', '{}', 'text/plain'), 415],
    ['what is no JSON', () => post('/mutate', '{'), 400],
    ['what is no AdmissionReview', () => post('/mutate', '{"kind":"Pod"}'), 400],
    ['a review of another version', () => post('/mutate', review(pod).replace('/v1', '/v1beta1')), 200],
    ['a review without a kind', () => post('/mutate', '{"kind":"AdmissionReview"}'), 400],
    ['a pod that is none', () => post('/mutate', review({ ...pod, object: { metadata: {}, spec: 7 } })), 200],
  ])('K15 refuses %s', async (_, send, status) => {
    const answer = await send()
    expect(answer.status).toBe(status)
    if (status === 200) expect(await verdictOf(answer)).toMatchObject({ allowed: false, status: { code: 400 } })
    else expect(await answer.json()).toHaveProperty('code')
  })

  it('K16 denies more than 3 MiB with a review, or with 413 when there is no uid', async () => {
    const large = 'x'.repeat(4 * 1024 * 1024)
    expect(await verdictOf(await post('/mutate', review({ ...pod, large })))).toMatchObject({
      uid: 'u-1',
      allowed: false,
      status: { code: 413, message: 'the object is larger than 3 MiB' },
    })
    expect((await post('/mutate', large)).status).toBe(413)
  })

  it('K16 denies a depth bomb before it parses it', async () => {
    const bomb = review({ ...pod, object: 'HERE' }).replace('"HERE"', '['.repeat(200_000) + ']'.repeat(200_000))
    expect(await verdictOf(await post('/mutate', bomb))).toMatchObject({ allowed: false, status: { code: 400 } })
    expect((await post('/mutate', '['.repeat(1_000_000))).status).toBe(400)
  })

  it('reads the largest legal update: a Role that names 131,072 resources, twice', async () => {
    const resources = Array.from({ length: 131_072 }, (_, at) => `r${at % 10}`)
    const largest = {
      apiVersion: 'latchkey.dev/v1alpha1',
      kind: 'Role',
      spec: { rules: [{ permissions: [{ resources }] }] },
    }
    const request = { ...pod, operation: 'UPDATE', object: largest, oldObject: largest }
    expect(await verdictOf(await post('/mutate', review(request)))).toMatchObject({ allowed: true })
  })

  it('K16 denies a body of a million values before it parses it', async () => {
    const many = review({ ...pod, object: 'HERE' }).replace('"HERE"', `[${'{},'.repeat(900_000)}{}]`)
    const verdict = await verdictOf(await post('/mutate', many))
    expect(verdict).toMatchObject({
      allowed: false,
      status: { code: 400, message: 'the body has more than 320000 values' },
    })
  })

  it.each<[string, string, object]>([
    [
      '10,000 rules',
      '/validate',
      {
        kind: { group: 'latchkey.dev', kind: 'Role' },
        object: { spec: { rules: Array(10_000).fill({ services: ['a'], methods: ['GET'], paths: ['/a'] }) } },
      },
    ],
    [
      'a path of 2 MiB',
      '/validate',
      {
        kind: { group: 'latchkey.dev', kind: 'Role' },
        object: { spec: { rules: [{ services: ['a'], methods: ['GET'], paths: ['/%41a'.repeat(400_000)] }] } },
      },
    ],
    [
      '20,000 containers that all point at the guard',
      '/mutate',
      {
        ...pod,
        object: {
          ...podOf(),
          spec: {
            containers: Array.from({ length: 20_000 }, (_, i) => ({
              name: `c${i}`,
              livenessProbe: { grpc: { port: 1 } },
            })),
          },
        },
      },
    ],
  ])('K16 answers %s with a second of work', async (_, path, request) => {
    const body = review(request)
    const question = path === '/mutate' ? 'mutate' : 'validate'
    const before = process.threadCpuUsage()
    examineReview(Buffer.from(body), { question, now: 0 }, settings)
    // Time of the processor, microseconds: it stands still while the machine does.
    const { user, system } = process.threadCpuUsage(before)
    expect(user + system).toBeLessThan(1_000_000)
    expect(await verdictOf(await post(path, body))).toMatchObject({ allowed: false })
  })
})
