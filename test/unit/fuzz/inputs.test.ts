import { describe, expect, it } from 'vitest'
import { batch, knownInputs } from '../../fuzz/generate.ts'
import { expanded } from '../../fuzz/input.ts'
import { readRequests } from '../../fuzz/read-requests.ts'
import { shrink } from '../../fuzz/shrink.ts'

describe('inputs', () => {
  it('are the same for the same seed, and others for another one', () => {
    expect(batch(7, 3, 50)).toEqual(batch(7, 3, 50))
    expect(batch(8, 3, 50)).not.toEqual(batch(7, 3, 50))
    expect(batch(7, 4, 50)).not.toEqual(batch(7, 3, 50))
  })

  it('are right often enough to get through, and wrong often enough to be worth it', () => {
    const readings = batch(1, 0, 400).map(({ text }) => readRequests(text))
    const whole = readings.filter(({ end, requests }) => end !== 'fault' && requests.length > 0).length
    expect(whole).toBeGreaterThan(80)
    expect(readings.length - whole).toBeGreaterThan(80)
  })

  it('go out whole where a pause would split the word for the token', () => {
    const input = { name: 'x', text: 'a{token}b', cuts: [3], ending: 'at-once' } as const
    expect(expanded(input, 'T')).toEqual({ text: 'aTb', parts: ['aTb'] })
    expect(expanded({ ...input, cuts: [1, 8] }, 'T')).toEqual({ text: 'aTb', parts: ['a', 'T', 'b'] })
  })

  it('have names of their own where they are known gadgets', () => {
    const names = knownInputs().map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })

  it('are made smaller as long as they fail', async () => {
    const text = 'GET /x HTTP/1.1\r\nHost: a\r\nX: yz\r\nBad : b\r\n\r\nGET /y HTTP/1.1\r\n\r\n'
    const input = { name: 'x', text, cuts: [4], ending: 'at-once' } as const
    const small = await shrink(input, async tried => tried.text.includes('Bad :'))
    expect(small).toEqual({ ...input, text: 'Bad :', cuts: [] })
  })
})
