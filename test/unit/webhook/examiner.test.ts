import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { examineReview } from '../../../webhook/admission/examine-review.ts'
import { createExaminer, type Examiner, longestOnMainBytes } from '../../../webhook/admission/examiner.ts'
import { longestRoleUpdate, longRole, longRoleCreation, manyMembers, reviewOf } from '../../attacks/long-reviews.ts'
import { podOf, settings } from './pods.ts'

const at = { question: 'either', now: 0 } as const
const metadata = { name: 'long', annotations: { padding: 'x'.repeat(longestOnMainBytes) } }
/** Any spec, in a review that is too long for the main thread. */
const long = (kind: string, spec: unknown, more: object = {}): string =>
  reviewOf(kind, spec, { object: { metadata, spec }, ...more })
const pod = (labelled: object): string =>
  reviewOf('Pod', 0, { kind: { group: '', kind: 'Pod' }, object: { ...podOf(labelled), padding: metadata } })

const rule = { services: ['orders'], methods: ['GET'] }
const role = { rules: [{ ...rule, paths: ['/a'] }] }
const service = { targetRef: { name: 'orders', port: 80 } }
const routes = (...paths: string[]) => paths.map((path, index) => ({ name: `r${index}`, path, methods: ['GET'] }))
const manyRoutes = routes(...Array.from({ length: 256 }, (_, index) => `/a/${index}/{id}/${'b'.repeat(40)}`))
const updated = (spec: object, oldSpec: object) => ({
  operation: 'UPDATE',
  ...{ object: { metadata, spec }, oldObject: { metadata, spec: oldSpec } },
})
const open = { object: expect.objectContaining({ namespace: 'shop' }) }
const refused = (message: string) => ({ allowed: false, code: 422, message: expect.stringContaining(message) })

let examiner: Examiner
beforeAll(() => {
  examiner = createExaminer(settings)
})
afterAll(() => examiner.stop())

describe('a long body gets in the thread what it would get here', () => {
  it.each<[string, string, object]>([
    ['a Role of 131,072 resources', longRoleCreation, { result: open }],
    ['its update', longestRoleUpdate, { result: open }],
    [
      'a Role with one bad resource, the last',
      reviewOf(
        'Role',
        longRole(index => (index === 31 ? 'a//b' : `r${index}`)),
      ),
      { result: refused('spec.rules[0].permissions[0].resources[31]') },
    ],
    [
      'a Role with a template of its own making',
      long('Role', { rules: [{ ...rule, paths: ['/a/{id}/{id}'] }] }),
      { result: refused('spec.rules[0].paths[0]') },
    ],
    [
      'a Role of too many rules',
      long('Role', { rules: Array(65).fill(role.rules[0]) }),
      { result: refused('spec.rules') },
    ],
    ['members that nobody knows', manyMembers, { result: refused('spec') }],
    ['a Role that is as it was', long('Role', {}, updated(role, role)), { result: { allowed: true } }],
    ['a bad Role that is as it was', long('Role', {}, updated({}, {})), { result: { allowed: true } }],
    ['an ApiClient', long('ApiClient', { serviceAccounts: [{ name: 'checkout' }] }), { result: open }],
    ['an ApiClient of another field', long('ApiClient', { colour: 'red' }), { result: refused('colour') }],
    [
      'an AccessKey with a private member',
      long('AccessKey', { clientRef: { name: 'a' }, publicKey: { kty: 'OKP', crv: 'Ed25519', x: 'a', d: 'b' } }),
      { result: refused('spec.publicKey') },
    ],
    [
      'an AccessGrant of the past',
      long('AccessGrant', {
        ...{ roleRef: { name: 'r' }, clients: [{ namespace: 'a', name: 'b' }] },
        expiresAt: '1969-01-01T00:00:00Z',
      }),
      { result: { object: expect.objectContaining({ warnings: [expect.stringContaining('is in the past')] }) } },
    ],
    [
      'a GuardedService with an audience that was asked for',
      long('GuardedService', { ...service, audience: 'https://api.example.org' }),
      { result: { object: expect.objectContaining({ audience: 'https://api.example.org' }) } },
    ],
    ['a GuardedService of many routes', long('GuardedService', { ...service, routes: manyRoutes }), { result: open }],
    [
      'a GuardedService whose routes tie',
      long('GuardedService', { ...service, routes: routes('/a/{id}', '/a/{name}') }),
      { result: refused('match the same requests equally well') },
    ],
    [
      'a pod for the guard',
      pod({}),
      { question: 'mutate', result: { pod: expect.objectContaining({ service: 'orders' }) } },
    ],
    [
      'a pod that cannot have one',
      pod({ spec: { hostNetwork: true } }),
      { question: 'mutate', result: { allowed: false, code: 422, message: expect.stringContaining('hostNetwork') } },
    ],
    [
      'a member given twice: the last holds, as at the API server',
      long('Role', role).replace(/"rules":/, '"rules":[],"rules":'),
      { result: open },
    ],
    ['a spec given twice', long('Role', role).replace(/"spec":/, '"spec":7,"spec":'), { result: open }],
    [
      'a spec given twice, the bad one last',
      long('Role', 'HERE').replace('"HERE"', `${JSON.stringify(role)},"spec":7`),
      { result: refused('spec') },
    ],
    ['another kind', long('Future', 7), { result: { allowed: true } }],
    [
      'an object that is none',
      long('Role', 7, { object: 'x'.repeat(70_000) }),
      { result: { allowed: false, code: 400 } },
    ],
    ['no JSON', '{'.padEnd(70_000), { fault: 'the body is not JSON' }],
    ['no review', JSON.stringify({ padding: metadata }), { fault: expect.stringContaining('AdmissionReview') }],
    [
      'too many levels',
      long('Role', 'HERE').replace('"HERE"', '['.repeat(99_999)),
      { fault: expect.stringContaining('levels') },
    ],
    ['too many values', long('Role', Array(400_000).fill(0)), { fault: expect.stringContaining('values') }],
  ])('%s', async (_, text, expected) => {
    const body = () => Buffer.from(text)
    expect(body().length).toBeGreaterThan(longestOnMainBytes)
    const here = examineReview(body(), at, settings)
    expect(here).toMatchObject(expected)
    expect(await examiner.examine(Buffer.concat([body()]), at, 'shop')).toEqual(here)
  })

  it('bytes that are no UTF-8', async () => {
    const text = long('Role', { rules: [{ ...rule, paths: ['/a~'] }] })
    const body = () => Buffer.from(text.replace('/a~', '/a\xff'), 'latin1')
    const here = examineReview(body(), at, settings)
    expect(here).toMatchObject({ result: refused('spec.rules[0].paths[0]') })
    expect(await examiner.examine(Buffer.concat([body()]), at, 'shop')).toEqual(here)
  })

  it('also when the examination fails, and the thread goes on', async () => {
    const broken = createExaminer(undefined as never)
    const failed = { question: 'mutate', result: { failed: expect.any(TypeError) } }
    expect(examineReview(Buffer.from(pod({})), at, undefined as never)).toMatchObject(failed)
    expect(await broken.examine(Buffer.from(pod({})), at, 'shop')).toMatchObject(failed)
    expect(await broken.examine(Buffer.from(long('Role', role)), at, 'shop')).toMatchObject({ result: open })
    broken.stop()
  })
})

describe('an examiner', () => {
  it('moves long bodies to the thread and leaves short ones here', async () => {
    const [short, longer] = [Buffer.alloc(longestOnMainBytes, ' '), Buffer.alloc(longestOnMainBytes + 1, ' ')]
    for (const body of [short, longer]) await examiner.examine(body, at, 'shop')
    expect([short.length, longer.length]).toEqual([longestOnMainBytes, 0])
  })

  it('spends the time of long bodies in the thread', async () => {
    const bodies = Array.from({ length: 4 }, () => Buffer.from(longRoleCreation))
    const [all, own] = [process.cpuUsage(), process.threadCpuUsage()]
    const examined = await Promise.all(bodies.map(body => examiner.examine(body, at, 'shop')))
    // Time of the processor: whatever else the machine does takes no part in it.
    const sum = ({ user, system }: NodeJS.CpuUsage): number => user + system
    expect(sum(process.threadCpuUsage(own))).toBeLessThan(sum(process.cpuUsage(all)) / 4)
    expect(examined).toEqual(Array(4).fill(expect.objectContaining({ result: open })))
  })
})
