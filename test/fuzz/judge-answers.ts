import { cutTarget } from './cut-target.ts'
import type { Evidence, Violation } from './evidence.ts'
import { type ReadAnswer, readAnswers } from './read-answers.ts'
import { type ReadRequest, valuesOf } from './read-requests.ts'
import { sumOf } from './recorder.ts'

/** An answer of the guard's own says so; one of the app's says that it was let through. */
const decisionPattern = /^(allow|deny); reason=[a-z_]+(; [a-z]+=[a-z_]+)*; by=guard$/

/** Each answer must belong to the request in its place: an answer moved by one is somebody else's. */
export function judgeAnswers({ reading, received, decided }: Evidence): Violation[] {
  const requests = reading.begun ? [...reading.requests, reading.begun] : reading.requests
  const { answers, rest } = readAnswers(
    received.text,
    requests.map(({ method }, at) => (isBehindEmptyLine(reading, at) ? undefined : method)),
  )
  const what: string[] = answers.flatMap((answer, at) => faultsOf(answer, requests[at]))
  // After the last readable request at most one refusal comes, of what could not be read or was broken off.
  if (answers.length > reading.requests.length + 1) what.push(`${answers.length} answers`)
  // A connection that the guard breaks off may leave half an answer, but nothing that is none.
  if (rest !== '' && !(received.endedBy === 'guard' && rest.startsWith('HTTP/1.')))
    what.push(`an answer that is none: ${JSON.stringify(rest.slice(0, 200))}`)
  const denied = answers.filter(answer => decisionOf(answer)?.startsWith('deny')).length
  if (denied > decided.filter(({ decision }) => decision === 'deny').length) what.push('a denial without an audit line')
  return what.map(text => ({ kind: 'answer', what: text }))
}

/** The guard refuses an empty line before a request at its first byte, before it could know a method. */
function isBehindEmptyLine({ text, ends }: Evidence['reading'], at: number): boolean {
  return text.startsWith('\r\n', at === 0 ? 0 : ends[at - 1])
}

function faultsOf(answer: ReadAnswer, request: ReadRequest | undefined): string[] {
  const decisions = valuesOf(answer.fields, 'latchkey-decision')
  const decision = decisionOf(answer)
  if (decisions.length !== 1 || decision === undefined)
    return [`${answer.status} with the decision ${decisions.join(' | ')}`]
  if (answer.status >= 500) return [`${answer.status} of the guard's own: ${decision}`]
  const [seen] = valuesOf(answer.fields, 'seen')
  const isApps = seen !== undefined
  if (isApps !== decision.startsWith('allow'))
    return [`${answer.status} by the ${isApps ? 'app' : 'guard'} with ${decision}`]
  if (isApps && !request) return ['an answer of the app to what is no request']
  if (isApps && request && !isTo(seen, request)) return ['an answer to another request']
  return []
}

/** An answer that came early does not know the body. */
function isTo(seen: string, request: ReadRequest): boolean {
  const target = cutTarget(request.target)
  if (target === undefined) return false
  const asked = { ...request, target }
  return seen === sumOf(asked) || (target.includes('early') && seen === sumOf({ ...asked, body: '' }))
}

function decisionOf(answer: ReadAnswer): string | undefined {
  const [decision = ''] = valuesOf(answer.fields, 'latchkey-decision')
  return decisionPattern.test(decision) ? decision : undefined
}
