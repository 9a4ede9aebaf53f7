import { expect, it } from 'vitest'
import { createSecretProver } from '../../../../issuer/tokens/prove-client-secret.ts'
import { createRates } from '../../../../platform/fair/rates.ts'
import { makeSecret } from './secret-keys.ts'

const client = { clientId: 'a' } as never
const own = makeSecret()

function prover(looked: string[] = []) {
  let nowMs = 0
  const guesses = createRates({ perSecond: 1, burst: 2 }, { now: () => nowMs })
  const clients = {
    get: (clientId: string) => {
      looked.push(clientId)
      return clientId === 'a' ? client : undefined
    },
    secrets: () => [{ key: { ...own.key, hash: own.key.secretHash } }] as never,
  }
  const prove = createSecretProver(clients, guesses)
  return {
    ask: (secret: string, peer = 'p') => {
      const proved = prove({ clientId: 'a', secret, peer }, 0)
      return 'error' in proved ? proved.error : 'proved'
    },
    later(ms: number) {
      nowMs += ms
    },
  }
}

it('lets one peer guess so often and no more, and no other peer pay for that', () => {
  const { ask, later } = prover()
  const wrong = () => ask(makeSecret().secret)
  expect([wrong(), wrong(), wrong(), wrong()]).toEqual([
    ...['invalid_client', 'invalid_client', 'invalid_client'],
    'slow_down',
  ])
  expect([ask(own.secret), ask(own.secret, 'another')]).toEqual(['slow_down', 'proved'])
  // What is refused so is not counted: the wait does not grow with it.
  later(1_000)
  expect(ask(own.secret)).toBe('proved')
})

it('looks up nobody for a secret with a typo', () => {
  const looked: string[] = []
  const { ask } = prover(looked)
  for (const text of ['', 'secret', own.secret.slice(1), `${own.secret}a`, own.secret.toUpperCase()]) {
    expect(ask(text)).toBe('invalid_client')
  }
  expect(looked).toEqual([])
})

it('never counts a right secret', () => {
  const { ask } = prover()
  expect(Array.from({ length: 20 }, () => ask(own.secret))).toEqual(Array.from({ length: 20 }, () => 'proved'))
})
