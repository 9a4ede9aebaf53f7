import { describe, expect, it } from 'vitest'
import type { PodObject } from '../../../core/registry/kubernetes.ts'
import type { ClientRow } from '../../../core/rows/rows.ts'
import { followPodEnds } from '../../../issuer/slices/pod-ends.ts'
import type { Change } from '../../../platform/kube/reflector.ts'
import { createManualClock } from '../platform/manual-clock.ts'
import { apiClient, installation, object, startInstallation } from './installation.ts'

/** A clock, and times that are so many seconds after its start. */
function clockWithTimes() {
  const clock = createManualClock()
  const start = clock.wallMs()
  return { ...clock, at: (seconds: number) => new Date(start + seconds * 1_000).toISOString() }
}

function follow() {
  const clock = clockWithTimes()
  const ended: string[] = []
  let tell: ((change: Change<PodObject>) => void) | undefined
  const pods = {
    onChange(handler: (change: Change<PodObject>) => void) {
      tell = handler
      return () => {
        tell = undefined
      }
    },
  }
  const stop = followPodEnds(pods, clock, ({ metadata }) => void ended.push(metadata.name))
  const pod = (type: Change<PodObject>['type'], name: string, deletionTimestamp?: string) => {
    const metadata = { namespace: 'shop', name, uid: name, ...(deletionTimestamp && { deletionTimestamp }) }
    tell?.({ type, key: `shop/${name}`, object: { metadata }, resourceVersion: '1' })
  }
  return { clock, ended, pod, stop }
}

describe('a pod that was deleted', () => {
  it('ends a minute after its grace period, where its object stays', async () => {
    const { clock, ended, pod } = follow()
    pod('added', 'runs')
    pod('added', 'a')
    pod('updated', 'a', clock.at(30))
    await clock.advance(89_999)
    expect(ended).toEqual([])
    await clock.advance(1)
    expect(ended).toEqual(['a'])
    expect(clock.pending()).toBe(0)
  })

  it('is not told of when its object is gone before', async () => {
    const { clock, ended, pod } = follow()
    pod('updated', 'a', clock.at(30))
    pod('deleted', 'a', clock.at(30))
    await clock.advance(100_000)
    expect([ended, clock.pending()]).toEqual([[], 0])
  })

  it('ends sooner where its grace period is shortened, and once', async () => {
    const { clock, ended, pod } = follow()
    pod('updated', 'a', clock.at(600))
    pod('updated', 'a', clock.at(0))
    await clock.advance(60_000)
    expect(ended).toEqual(['a'])
    await clock.advance(700_000)
    expect(ended).toEqual(['a'])
  })

  it('that should be gone when it is first heard of has ended', () => {
    const { clock, ended, pod } = follow()
    pod('added', 'a', clock.at(-61))
    pod('updated', 'b', clock.at(-61))
    expect(ended).toEqual(['a', 'b'])
  })

  it('is waited for by nobody when the process stops', async () => {
    const { clock, ended, pod, stop } = follow()
    pod('updated', 'a', clock.at(0))
    stop()
    pod('updated', 'b', clock.at(0))
    await clock.advance(100_000)
    expect([ended, clock.pending()]).toEqual([[], 0])
  })
})

it('K25 a pod whose node was lost is taken out of the policy, though nothing more is told of it', async () => {
  const clock = clockWithTimes()
  const runs = { spec: { serviceAccountName: 'caller' }, status: { phase: 'Running' } }
  const pod = (version: string, more: object = {}) => {
    const made = object('partners', 'caller-1', version, runs)
    return { ...made, metadata: { ...made.metadata, ...more } }
  }
  const listed = {
    ...installation({ orders: ['caller'] }),
    apiclients: [apiClient('caller', '1', { serviceAccounts: [{ name: 'caller' }] })],
    serviceaccounts: [object('partners', 'caller', '1')],
    pods: [pod('1')],
  }
  const { slices, tell } = await startInstallation(listed, undefined, clock)
  await slices.start()
  const podsNow = () => {
    const row = slices.get('shop/orders')?.row('client/partners.caller') as ClientRow | undefined
    return row?.serviceAccounts?.[0]?.pods
  }
  expect(podsNow()).toEqual(['uid-caller-1'])
  await tell('pods', 'MODIFIED', pod('2', { deletionTimestamp: clock.at(30) }))
  await clock.advance(89_000)
  expect(podsNow()).toEqual(['uid-caller-1'])
  await clock.advance(1_100)
  await expect.poll(podsNow).toEqual([])
  slices.stop()
})
