import { describe, expect, test } from 'vitest'
import { readBinding } from '../../../../core/credential/pod-binding.ts'
import { bound } from './projected-token.ts'

const read = (claim: unknown) => readBinding({ 'kubernetes.io': claim })

describe('the claim kubernetes.io', () => {
  test('names the namespace, the service account and the pod; the node and what else is there is passed over', () => {
    const serviceAccount = bound.serviceaccount
    const more = { ...bound, pod: { ...bound.pod, more: 1 } }
    expect(read(more)).toStrictEqual({ namespace: 'billing', serviceAccount, pod: bound.pod })
  })

  test.each<[string, unknown]>([
    ['is not there', undefined],
    ['is null', null],
    ['is a text', 'billing'],
    ['is a list', [bound]],
    ['has no namespace', { ...bound, namespace: undefined }],
    ['has a number for the namespace', { ...bound, namespace: 7 }],
  ])('names nobody where it %s', (_, claim) => {
    expect(read(claim)).toBeUndefined()
  })

  test.each<[string, unknown]>([
    ['not there', undefined],
    ['null', null],
    ['a text', 'invoices'],
    ['a list', [{ name: 'invoices', uid: 'u' }]],
    ['without a name', { uid: 'u' }],
    ['without a uid', { name: 'invoices' }],
    ['of an empty name', { name: '', uid: 'u' }],
    ['of an empty uid', { name: 'invoices', uid: '' }],
    ['of a name that is a number', { name: 7, uid: 'u' }],
    ['of a uid that is a number', { name: 'invoices', uid: 7 }],
  ])('names nobody where its service account or its pod is %s', (_, named) => {
    expect(read({ ...bound, serviceaccount: named })).toBeUndefined()
    expect(read({ ...bound, pod: named })).toBeUndefined()
  })
})
