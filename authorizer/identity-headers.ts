import { credentialHeaders } from '../core/credential/read.ts'
import type { Verdict } from '../enforce/authorize.ts'
import { isKeyHeader, keepsToken, pushIdentity } from '../enforce/forward-head.ts'
import { decisionHeader } from '../enforce/respond.ts'
import type { Outcome } from './judge.ts'

/** What an app may be told of its caller, whether or not there is something to tell. */
const identityHeaders = [
  'Latchkey-Client',
  'Latchkey-Subject',
  'Latchkey-Actor',
  'Latchkey-Roles',
  'Latchkey-Scopes',
  'Latchkey-Attributes',
] as const

type Passed = Extract<Outcome, { pass: true }>

/** Whom the app is told of, as flat name, value pairs. */
export function identityOf(verdict: Verdict): string[] {
  const pairs: string[] = []
  pushIdentity(pairs, verdict.decision)
  return pairs
}

/** Whether the app may see the credential: where the service says so, and only one that was proved. */
export function keepsCredential({ decision, snapshot }: Verdict): boolean {
  return keepsToken(decision, snapshot?.service?.keepCredential)
}

/** Those that there is nothing to say in. */
export function absentHeaders(said: readonly string[]): string[] {
  // Names only: what an identity holds must not pass for the name of a header.
  const names = said.filter((_, at) => at % 2 === 0)
  return identityHeaders.filter(name => !names.includes(name))
}

/** What goes off the caller's request before the app sees it: everything that could pass for ours, and the credential. */
export function removals({ verdict, asked }: Passed, said: readonly string[]): string[] {
  const set = new Set(said.filter((_, at) => at % 2 === 0).map(name => name.toLowerCase()))
  const ours = absentHeaders(said).map(name => name.toLowerCase())
  const keyHeader = verdict.snapshot?.service?.apiKey?.header
  const keys = keyHeader === undefined ? [] : [keyHeader, ...asked.names.filter(name => isKeyHeader(name, keyHeader))]
  const names = new Set([...ours, ...asked.reserved, ...keys, ...(keepsCredential(verdict) ? [] : credentialHeaders)])
  return [...names].filter(name => !set.has(name))
}

/** For the caller, on the app's answer. */
export function decisionOf({ verdict }: Passed): string {
  return decisionHeader(verdict.decision, true)
}
