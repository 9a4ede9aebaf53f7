import { expect, test } from 'vitest'
import {
  type ConcernedService,
  type EnforcementReport,
  judgeEnforcement,
  reportService,
} from '../../../core/status/judge-enforcement.ts'
import { replicasOf } from '../../../operator/replicas/issuer-replicas.ts'

const hash = 'f'.repeat(64)
const guard = (uid: string, change: object = {}) => ({
  namespace: 'shop',
  pod: `pod-${uid}`,
  uid,
  hash,
  current: true,
  ...change,
})
const report = (seen: string, ...guards: ReturnType<typeof guard>[]): EnforcementReport => ({
  seen: { accesskeys: seen },
  slices: { 'shop/api': { hash, guards } },
})
const pods = (...uids: string[]) => [{ key: 'shop/api', pods: uids.map(uid => ({ name: `pod-${uid}`, uid })) }]
const ask = (services: ReturnType<typeof pods>, reports: EnforcementReport[] | undefined) =>
  judgeEnforcement({ resource: 'accesskeys', version: '100', services }, reports)

test('a key is enforced when every replica has seen it and each pod has a guard that is up to date, wherever', () => {
  expect(ask(pods('a', 'b'), [report('100', guard('a')), report('101', guard('b'))])).toEqual({ state: 'enforced' })
})

test('one replica that has not seen it keeps it waiting; versions are compared as numbers', () => {
  const view = ask(pods('a'), [report('100', guard('a')), report('99')])
  expect(view).toEqual({ state: 'waiting', message: 'The issuers have not told the guards yet: shop/api (0 of 1).' })
  expect(ask(pods('a'), [{ seen: {}, slices: {} }]).state).toBe('waiting')
})

test('where the issuers told no guard, or none is ready, the guards that wait are counted, of three services by name', () => {
  const services = ['a', 'b', 'c', 'd', 'e'].map((name, count) => ({
    key: `shop/${name}`,
    pods: Array.from({ length: count }, (_, at) => ({ name: `pod-${at}`, uid: `${name}-${at}` })),
  }))
  const counted = 'shop/b (0 of 1), shop/c (0 of 2), shop/d (0 of 3) and 1 more.'
  // Each guard holds what its replica has, which is what was there before.
  const held = services.map(({ key, pods }) => [key, { hash, guards: pods.map(({ uid }) => guard(uid)) }] as const)
  const before: EnforcementReport = { seen: { accesskeys: '99' }, slices: Object.fromEntries(held) }
  expect([ask(services, []), ask(services, [before]), ask(services.slice(0, 2), [])]).toEqual([
    { state: 'waiting', message: `No issuer is ready, so the guards cannot be told: ${counted}` },
    { state: 'waiting', message: `The issuers have not told the guards yet: ${counted}` },
    { state: 'waiting', message: 'No issuer is ready, so the guards cannot be told: shop/b (0 of 1).' },
  ])
})

test('pods without a guard, not connected or behind, are counted: all pods count, not those that are connected (K28)', () => {
  const view = ask(pods('a', 'b', 'c'), [report('100', guard('a'), guard('b', { current: false }))])
  expect(view).toEqual({ state: 'waiting', message: 'Guards hold it at shop/api (1 of 3).' })
})

test('guards that were left behind are named, with how long they go on, before those that are only behind', () => {
  const left = (name: string, maxStaleness?: string): ConcernedService => ({
    key: `shop/${name}`,
    pods: ['2', '1'].map(at => ({ name: `${name}-${at}`, uid: `${name}-${at}` })),
    left: maxStaleness === undefined ? {} : { maxStaleness },
  })
  const services = [...pods('a'), left('gone', '1h'), ...['b', 'c', 'd'].map(name => left(name))]
  const view = ask(services as ReturnType<typeof pods>, [report('100')])
  if (view.state !== 'waiting') throw new Error(view.state)
  expect(view.reason).toBe('GuardsLeftBehind')
  expect(view.message).toMatch(/^The GuardedService shop\/gone is gone/)
  expect(view.message).toContain('until 1h have passed: gone-1, gone-2. Roll out')
  expect(view.message).toContain('shop/c is gone')
  expect(view.message).not.toContain('shop/d')
  expect(view.message).toMatch(/ So it is at 1 more services\.$/)
})

test('what is said of guards that are behind is the same for a version that the issuers have not seen: it becomes one itself', () => {
  const left: ConcernedService = { key: 'shop/gone', pods: [{ name: 'gone-1', uid: 'g' }], left: {} }
  for (const services of [pods('a', 'b'), [left]]) {
    const [before, after] = ['99', '100'].map(seen =>
      ask(services as ReturnType<typeof pods>, [report(seen, guard('a'))]),
    )
    expect(before).toEqual(after)
    expect(before?.state).toBe('waiting')
  }
})

test('without pods nobody is concerned, whatever the issuers say; without issuers somebody is', () => {
  expect(ask(pods(), undefined)).toEqual({ state: 'no-guards' })
  expect(ask([], undefined)).toEqual({ state: 'no-guards' })
  expect(ask(pods('a'), undefined)).toEqual({ state: 'unknown' })
  expect(ask(pods('a'), []).state).toBe('waiting')
})

test('a service counts its own pods: a guard of a pod that is gone, or of no pod, is left out', () => {
  const [service] = pods('a', 'b')
  if (!service) throw new Error('no service')
  const gone = guard('gone', { wouldDeny: 9, exposed: ['0.0.0.0:1'] })
  const { uid: _, ...central } = guard('x')
  const found = reportService(service, [
    report('100', guard('a', { wouldDeny: 2, exposed: ['0.0.0.0:8080'] }), gone, central as ReturnType<typeof guard>),
    report('100', guard('b', { wouldDeny: 3, exposed: [] })),
  ])
  const nothing = { notListening: [], lacking: [], versions: [] }
  expect(found).toEqual({
    current: 2,
    guarded: 2,
    total: 2,
    hash,
    wouldDeny: 5,
    exposed: ['pod-a (0.0.0.0:8080)'],
    ...nothing,
  })
  const left = [report('100', guard('a', { wouldDeny: 7 })), report('100', guard('a', { wouldDeny: 4 }))]
  expect(reportService(service, left).wouldDeny).toBe(7)
  const other = { ...report('100'), slices: { 'shop/api': { hash: 'other', guards: [] } } }
  expect(reportService(service, [report('100'), other]).hash).toBeUndefined()
})

test('guards that are too old to know all of it are counted, three are named, and the last release that one needs', () => {
  const names = ['d', 'b', 'a', 'c', 'e', 'f']
  const [service] = pods(...names, 'new')
  if (!service) throw new Error('no service')
  const old = names.map(name => guard(name, { needs: name === 'f' ? '0.10.0' : '0.9.0' }))
  const stranger = guard('stranger', { needs: '1.0.0' })
  const found = reportService(service, [
    report('100', ...old.slice(0, 3), guard('new')),
    report('100', ...old.slice(3), stranger),
  ])
  expect(found.outdated).toEqual({ needs: '0.10.0', count: 6, pods: ['pod-a', 'pod-b', 'pod-c'] })
  expect([found.current, found.total, found.lacking]).toEqual([7, 7, []])
})

test('guards that are not sent the slice are counted, three are named, and the memory with which all would take it', () => {
  const mebibyte = 1_048_576
  const names = ['d', 'b', 'a', 'c']
  const [service] = pods(...names, 'large')
  if (!service) throw new Error('no service')
  const kept = names.map(name =>
    guard(name, { current: false, tooLarge: { memory: (name === 'c' ? 320 : 256) * mebibyte } }),
  )
  const stranger = guard('stranger', { current: false, tooLarge: { memory: 4_096 * mebibyte } })
  const found = reportService(service, [
    report('100', ...kept.slice(0, 2), guard('large')),
    report('100', ...kept.slice(2), stranger),
  ])
  expect(found.tooLarge).toEqual({ memory: 320 * mebibyte, count: 4, pods: ['pod-a', 'pod-b', 'pod-c'] })
  expect(found.lacking).toEqual([{ lack: 'SliceTooLarge', count: 4, pods: ['pod-a', 'pod-b', 'pod-c'] }])
  expect([found.current, found.total]).toEqual([1, 5])
  const refused = (count: number) => ({ memory: 256 * mebibyte, refused: { count, clients: ['evil/mallory'] } })
  const lesser = [guard('a', { tooLarge: refused(1) }), guard('b', { tooLarge: refused(2) })]
  expect(reportService(service, [report('100', ...lesser)]).tooLarge).toMatchObject({ refused: { count: 2 } })
  expect(reportService(service, [report('100', ...lesser, ...kept.slice(3))]).tooLarge).not.toHaveProperty('refused')
  const none = reportService(service, [
    report('100', guard('a', { current: false, tooLarge: {} }), ...kept.slice(0, 1)),
  ])
  expect(none.tooLarge).toEqual({ count: 2, pods: ['pod-a', 'pod-d'] })
})

test('releases of guards are counted, the newest first, whoever says none', () => {
  const [service] = pods('a', 'b', 'c', 'd')
  if (!service) throw new Error('no service')
  const given = [
    guard('a', { version: '0.9.0' }),
    guard('b', { version: '0.10.0' }),
    guard('c', { version: '0.9.0' }),
    guard('d'),
  ]
  expect(reportService(service, [report('100', ...given)]).versions).toEqual([
    { version: '0.10.0', count: 1 },
    { version: '0.9.0', count: 2 },
  ])
})

test('pods that are not current are told apart by what can be seen of them, the same for the same pods', () => {
  const service: ConcernedService = {
    key: 'shop/api',
    pods: [
      { name: 'behind', uid: 'b' },
      { name: 'current', uid: 'c', wrong: 'NotInjected' },
      { name: 'strange', uid: 's', wrong: 'OtherService', other: 'apis' },
      { name: 'bare', uid: 'i', wrong: 'NotInjected' },
      { name: 'new', uid: 'n' },
      ...['5', '3', '1', '4', '2'].map(uid => ({ name: `plain-${uid}`, uid, wrong: 'Unlabelled' as const })),
    ],
  }
  const given = report('100', guard('b', { current: false, notListening: '127.0.0.1:9999' }), guard('c'))
  const found = reportService(service, [given])
  expect(found.lacking).toEqual([
    { lack: 'Unlabelled', count: 5, pods: ['plain-1', 'plain-2', 'plain-3'] },
    { lack: 'OtherService', count: 1, pods: ['strange (apis)'] },
    { lack: 'NotInjected', count: 1, pods: ['bare'] },
    { lack: 'NotConnected', count: 1, pods: ['new'] },
    { lack: 'Behind', count: 1, pods: ['behind'] },
  ])
  expect(found.notListening).toEqual(['pod-b (127.0.0.1:9999)'])
  expect(reportService({ ...service, pods: service.pods.toReversed() }, [given])).toEqual(found)
})

test('replicas are the endpoints that serve, each once, at the port named snapshots', () => {
  const metadata = { name: 's', namespace: 'latchkey-system' }
  const ports = [
    { name: 'https', port: 8443 },
    { name: 'snapshots', port: 9444 },
  ]
  const endpoints = [
    { addresses: ['10.0.0.1'], conditions: { ready: true } },
    { addresses: ['10.0.0.2'], conditions: { ready: false } },
    { addresses: ['10.0.0.3'], conditions: { ready: true, terminating: true } },
    { addresses: ['10.0.0.1'] },
  ]
  expect(replicasOf([{ metadata, ports, endpoints }], 8444)).toEqual([{ host: '10.0.0.1', port: 9444 }])
  expect(replicasOf([{ metadata, endpoints: [{ addresses: ['10.0.0.9'] }] }], 8444)).toEqual([
    { host: '10.0.0.9', port: 8444 },
  ])
})
