import type { HeadAnswer } from '../../platform/wire/server/state.ts'
import { absentHeaders, decisionOf, identityOf, keepsCredential, removals } from '../identity-headers.ts'
import type { Outcome } from '../judge.ts'
import type { ProxyKind } from '../peers/peers.ts'

/** In the form that this kind of proxy can use. Pure. */
export function httpAnswer(outcome: Outcome, proxy: ProxyKind | undefined): HeadAnswer {
  return outcome.pass ? passed(outcome, proxy) : refused(outcome.answer, proxy)
}

function passed(outcome: Extract<Outcome, { pass: true }>, proxy: ProxyKind | undefined): HeadAnswer {
  const { verdict, asked, requestId } = outcome
  const headers = identityOf(verdict)
  if (proxy === 'Envoy') {
    const removed = removals(outcome, headers)
    // Gateways that only speak like Envoy know no removal: there an empty value takes the place of what a caller wrote.
    for (const name of absentHeaders(headers)) headers.push(name, '')
    headers.push('X-Envoy-Auth-Headers-To-Remove', removed.join(','))
  }
  // The other kinds take the app's Authorization from here; without one they send none.
  else if (keepsCredential(verdict)) headers.push('Authorization', asked.authorization ?? '')
  headers.push('Latchkey-Decision', decisionOf(outcome), 'X-Request-Id', requestId, 'Content-Length', '0')
  return { status: 200, headers, body: '' }
}

function refused(answer: Extract<Outcome, { pass: false }>['answer'], proxy: ProxyKind | undefined): HeadAnswer {
  if (proxy !== 'Nginx') return answer
  // nginx makes a 500 of everything but 401 and 403, and drops the body: status and problem travel as headers.
  const status = answer.status === 401 ? 401 : 403
  const told = ['Latchkey-Status', String(answer.status), 'Latchkey-Problem', inAscii(answer.body.trim())]
  return { status, headers: [...answer.headers, ...told], body: answer.body }
}

/** JSON as it can stand in a header: there are other characters in paths and names. */
function inAscii(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
