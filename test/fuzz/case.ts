import type { Evidence, Violation } from './evidence.ts'
import type { Decided } from './guard-process.ts'
import type { Input } from './input.ts'
import { judge } from './judge.ts'
import type { Reading } from './read-requests.ts'
import type { Forward } from './recorder.ts'
import type { Received } from './send-input.ts'

/** One input under way, and what came of it so far. */
export interface Case {
  readonly input: Input
  readonly reading: Reading
  readonly token: string
  readonly peer: string
  readonly decided: Decided[]
  readonly forwards: Forward[]
  received?: Received
}

/** What it is judged by. */
export function evidenceOf({ reading, token, peer, decided, forwards, received }: Case): Evidence {
  if (!received) throw new Error('an input is judged once its connection is over')
  return { reading, token, peer, decided, forwards, received }
}

export function judgeCase(played: Case): Violation[] {
  return judge(evidenceOf(played))
}

/** How much there is to judge: more than before means that something came late. */
export function eventsOf({ decided, forwards }: Case): number {
  return decided.length + forwards.length
}

/** 127.1.0.1 and on: 16 million addresses. */
export function peerOf(count: number): string {
  const host = count % 250
  const net = Math.floor(count / 250)
  return `127.${1 + (Math.floor(net / 250) % 250)}.${net % 250}.${1 + host}`
}
