import { expect, it } from 'vitest'
import { isUrgent } from '../../../issuer/slices/urgency.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'

const metadata = { name: 'x', namespace: 'shop', generation: 1 }
const key = (status: string[], spec: object = {}) => ({
  metadata,
  spec,
  status: { keys: status.map(state => ({ state })) },
})
const edited = { metadata: { ...metadata, generation: 2 } }
const dying = { metadata: { ...metadata, deletionTimestamp: '2026-11-22T10:00:00Z' }, spec: {} }

it.each([
  ['a revoked AccessKey', 'accesskeys', key(['Active']), key(['Active'], { revoked: {} }), true],
  ['a key revoked in status', 'accesskeys', key(['Active']), key(['Revoked']), true],
  ['a key that went', 'accesskeys', key(['Active', 'Retiring']), key(['Active']), true],
  ['a later keysNotBefore', 'accesskeys', key([]), key([], { keysNotBefore: '2026-11-22T10:00:00Z' }), true],
  ['a shorter life', 'accesskeys', key([]), key([], { expiresAt: '2026-11-22T10:00:00Z' }), true],
  ['a new key', 'accesskeys', key(['Active']), key(['Active', 'Pending']), false],
  ['a suspended client', 'apiclients', { metadata, spec: {} }, { metadata, spec: { suspended: true } }, true],
  ['a client that goes on', 'apiclients', { metadata, spec: { suspended: true } }, { metadata, spec: {} }, false],
  ['another identity', 'apiclients', { metadata, spec: {} }, { metadata, spec: { identity: 2 } }, true],
  ['the next one', 'apiclients', { metadata, spec: { identity: 2 } }, { metadata, spec: { identity: 3 } }, true],
  [
    'another name of it',
    'apiclients',
    { metadata, spec: { identity: 2 } },
    { metadata, spec: { identity: 2, displayName: 'x' } },
    false,
  ],
  ['an edited role', 'roles', { metadata }, edited, true],
  ['an edited grant', 'accessgrants', { metadata }, edited, true],
  ['the status of a grant', 'accessgrants', { metadata }, { metadata }, false],
  ['an object that begins to go', 'apiclients', { metadata, spec: {} }, dying, true],
  ['a pod that begins to go', 'pods', { metadata }, dying, false],
])('%s of %s: told at once or with others', (_what, resource, old, object, urgent) => {
  const [before, now] = [old, object] as unknown as [KubeObject, KubeObject]
  expect(isUrgent(resource, { type: 'updated', key: 'shop/x', object: now, old: before, resourceVersion: '2' })).toBe(
    urgent,
  )
})

it('what is deleted is told at once, what is new may wait', () => {
  const object = { metadata } as KubeObject
  const change = { key: 'shop/x', object, resourceVersion: '2' }
  expect(isUrgent('accessgrants', { ...change, type: 'deleted' })).toBe(true)
  expect(isUrgent('accessgrants', { ...change, type: 'added' })).toBe(false)
})
