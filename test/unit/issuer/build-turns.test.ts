import { expect, test } from 'vitest'
import { createBuildTurns } from '../../../issuer/slices/build-turns.ts'

/** Builds of so many steps, by name; what was begun, left and finished stands in the log. */
function make(sizes: Record<string, number>) {
  const log: string[] = []
  let unfinished = 0
  let most = 0
  const turns = createBuildTurns(function* (key) {
    log.push(`begin ${key}`)
    unfinished++
    most = Math.max(most, unfinished)
    let isDone = false
    try {
      for (let step = 1; step < (sizes[key] ?? 1); step++) yield
      isDone = true
    } finally {
      unfinished--
      log.push(`${isDone ? 'end' : 'leave'} ${key}`)
    }
  })
  return {
    turns,
    log,
    most: () => most,
    finish() {
      while (turns.step());
    },
  }
}

test('a long one delays no short one, and is finished beside them', () => {
  const { turns, log, finish } = make({ long: 1_000, a: 3, b: 3 })
  turns.add('long')
  turns.add('a')
  turns.add('b')
  finish()
  expect(log).toEqual(['begin long', 'begin a', 'end a', 'begin b', 'end b', 'end long'])
})

test('of many long ones two are unfinished at most, and each is begun twice at most', () => {
  const names = Array.from({ length: 20 }, (_, at) => `long-${at}`)
  const { turns, log, most, finish } = make(Object.fromEntries(names.map(name => [name, 1_000])))
  for (const name of names) turns.add(name)
  finish()
  expect(most()).toBe(2)
  for (const name of names) {
    expect(log.filter(line => line === `end ${name}`)).toHaveLength(1)
    expect(log.filter(line => line === `begin ${name}`).length).toBeLessThanOrEqual(2)
  }
  log.length = 0
  for (const name of names) turns.add(name)
  finish()
  expect(log.filter(line => line.startsWith('leave'))).toEqual([])
})

test('one that is added again while it is made is finished, and made again after it', () => {
  const { turns, log, finish } = make({ long: 1_000 })
  turns.add('long')
  for (let step = 0; step < 300; step++) {
    turns.step()
    turns.add('long')
  }
  expect([turns.isWaiting('long'), turns.isPending('long')]).toEqual([true, true])
  finish()
  expect(log).toEqual(['begin long', 'end long', 'begin long', 'end long'])
  expect(turns.isPending('long')).toBe(false)
})

test('one that became short is made among the short ones again', () => {
  const sizes: Record<string, number> = { one: 1_000, other: 1_000 }
  const { turns, log, finish } = make(sizes)
  turns.add('one')
  turns.add('other')
  finish()
  sizes.one = 2
  turns.add('one')
  finish()
  log.length = 0
  turns.add('other')
  turns.add('one')
  finish()
  expect(log.indexOf('end one')).toBeLessThan(log.indexOf('end other'))
})

test('of one that is dropped nothing is made any more', () => {
  const { turns, log, finish } = make({ long: 1_000 })
  turns.add('long')
  for (let step = 0; step < 300; step++) turns.step()
  turns.add('long')
  turns.drop('long')
  finish()
  expect(log).toEqual(['begin long', 'leave long'])
  expect(turns.isPending('long')).toBe(false)
})
