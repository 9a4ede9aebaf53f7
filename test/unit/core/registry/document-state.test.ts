import { describe, expect, it } from 'vitest'
import {
  afterLook,
  type DocumentState,
  isSettled,
  type Look,
  refOf,
  stateBefore,
} from '../../../../core/registry/document-state.ts'
import { service } from './objects.ts'

const named = (name: string) => service('shop', 'orders', { openapi: { configMapRef: { name } } })
const one = named('one')
const routes = [{ name: 'a', path: '/a', methods: ['GET' as const], variants: 'Refuse' as const }]
const fault = { reason: 'OpenApiInvalid', message: 'x' } as const
const read = (of: ReturnType<typeof named>, version: string) => {
  return { ref: refOf(of), name: of.spec.openapi?.configMapRef.name ?? '', version }
}
const good: Look = { read: read(one, '1'), reading: { routes } }
const bad: Look = { read: read(one, '2'), reading: { fault } }
const failed: Look = { failed: true }
const unchanged: Look = { unchanged: true }
const after = (...looks: Look[]): DocumentState => looks.reduce(afterLook, stateBefore(one))

describe('what is known of a document', () => {
  it('is nothing before it was read', () => {
    expect(after().source).toEqual({})
    expect(isSettled(after(), one)).toBe(false)
    expect(isSettled(undefined, one)).toBe(false)
  })

  it('keeps good routes through a fault, and drops the fault with the next good reading (S10)', () => {
    expect(after(good).source).toEqual({ routes })
    expect(after(good, bad).source).toEqual({ routes, fault })
    expect(after(good, bad, good).source).toEqual({ routes })
    expect(after(bad).source).toEqual({ fault })
  })

  it('tells of failures from the third in a row on, and forgets them when something was read', () => {
    expect(after(good, failed, failed).source).toEqual({ routes })
    const third = after(good, failed, failed, failed)
    expect(third.source).toMatchObject({ routes, fault: { reason: 'OpenApiUnread' } })
    expect(afterLook(third, unchanged).source).toEqual({ routes })
    expect(after(failed, failed).source).toEqual({})
    expect(after(failed, failed, failed).source).toMatchObject({ fault: { reason: 'OpenApiUnread' } })
  })

  it('is what was wrong before, after failures have passed', () => {
    expect(after(good, bad, failed, failed, failed, unchanged).source).toEqual({ routes, fault })
  })

  it('is the same object while it is the same', () => {
    const state = after(good)
    for (const look of [unchanged, failed, good]) expect(afterLook(state, look).source).toBe(state.source)
    expect(afterLook(state, unchanged)).toBe(state)
  })

  it('is settled for the document named now: read, or tried often enough', () => {
    const other = named('other')
    expect(isSettled(after(good), one)).toBe(true)
    expect(isSettled(after(good), other)).toBe(false)
    expect(isSettled(after(good, failed, failed, failed), other)).toBe(true)
  })
})
