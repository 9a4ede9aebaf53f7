import { createHash } from 'node:crypto'
import { canonicalJson } from '../../core/base/canonical-json.ts'
import type { Clock } from '../../platform/clock.ts'
import type { UserInfo } from '../../platform/kube/access-review.ts'
import type { AskedObject } from './token-review.ts'

/** How long an answer is good, and how many are remembered. */
const goodMs = 10_000
const mostAnswers = 1_024

interface Answer {
  readonly askedMs: number
  readonly allowed: Promise<boolean>
}

/**
 * Asks for the same right of the same user once in ten seconds; who comes meanwhile waits for the one answer. Yes and no are
 * remembered alike, and no fault is.
 */
export function rememberRights(
  ask: (user: UserInfo, object: AskedObject) => Promise<boolean>,
  clock: Pick<Clock, 'now'>,
): (user: UserInfo, object: AskedObject) => Promise<boolean> {
  const answers = new Map<string, Answer>()

  return (user, object) => {
    const { resource, namespace, name } = object
    const question = canonicalJson([user, resource.group, resource.plural, namespace, name])
    const key = createHash('sha256').update(question).digest('base64')
    const known = answers.get(key)
    if (known && clock.now() - known.askedMs < goodMs) return known.allowed
    answers.delete(key)
    const answer = { askedMs: clock.now(), allowed: ask(user, object) }
    answers.set(key, answer)
    answer.allowed.catch(() => {
      if (answers.get(key) === answer) answers.delete(key)
    })
    for (const oldest of answers.keys()) {
      if (answers.size <= mostAnswers) break
      answers.delete(oldest)
    }
    return answer.allowed
  }
}
