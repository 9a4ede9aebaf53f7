import {
  type CertificateFacts,
  type IssuedCertificate,
  liveCertificates,
  normalHost,
  readCertificate,
} from '../../platform/x509.ts'

const day = 86_400_000
export const authorityLifetimeMs = 3_650 * day
export const servingLifetimeMs = 90 * day
// ConfigMaps, mounted files and running guards have to have the next authority before anything is signed by it.
export const publishAheadMs = day

/** The authority as its Secret holds it. `next` is published in the bundle, but signs nothing yet. */
export interface AuthorityState {
  readonly current: IssuedCertificate
  readonly next?: IssuedCertificate
  /** PEM, everything that may have signed a certificate in use. */
  readonly bundle: string
}

export type AuthorityPlan =
  | { readonly do: 'keep'; readonly state: AuthorityState; readonly nextAt: number }
  /** There is none that can be used: make one. */
  | { readonly do: 'create' }
  /** Make the next one and publish it beside the current. */
  | { readonly do: 'stage'; readonly state: AuthorityState }
  /** What is in the Secret becomes this. */
  | { readonly do: 'write'; readonly state: AuthorityState }

/**
 * The life of the authority: create → at two thirds of its life publish the next one → a day later sign with it, the
 * old one staying in the bundle until it ends.
 */
export function planAuthority(files: Readonly<Record<string, string>>, now: Date): AuthorityPlan {
  const current = pairOf(files, 'tls')
  const facts = current && readCertificate(current)
  const next = pairOf(files, 'next')
  const nextFacts = next && readCertificate(next)
  if (!current || !facts?.keyFits || facts.notAfter <= now) {
    return next && nextFacts?.keyFits ? { do: 'write', state: promoted(next, files, now) } : { do: 'create' }
  }
  const state = stateOf(current, nextFacts?.keyFits ? next : undefined, files, now)
  if (state.next && nextFacts) {
    const promoteAt = nextFacts.notBefore.getTime() + publishAheadMs
    if (promoteAt <= now.getTime()) return { do: 'write', state: promoted(state.next, files, now) }
    return written(state, files) ?? { do: 'keep', state, nextAt: promoteAt }
  }
  const renewAt = twoThirds(facts)
  if (renewAt <= now.getTime()) return { do: 'stage', state }
  return written(state, files) ?? { do: 'keep', state, nextAt: renewAt }
}

/** The files of the authority's Secret. */
export function authorityFiles({ current, next, bundle }: AuthorityState): Record<string, string> {
  return {
    'tls.crt': current.certificate,
    'tls.key': current.privateKey,
    'ca.crt': bundle,
    ...(next && { 'next.crt': next.certificate, 'next.key': next.privateKey }),
  }
}

/** The state with one more authority in the bundle, to sign later. */
export function staged(state: AuthorityState, next: IssuedCertificate, now: Date): AuthorityState {
  const bundle = liveCertificates([state.current.certificate, next.certificate, state.bundle], now).join('')
  return { current: state.current, next, bundle }
}

/** Whether a serving certificate is to be made anew, and if not, when. */
export function planServing(
  files: Readonly<Record<string, string>>,
  wanted: { readonly authority: AuthorityState; readonly hosts: readonly string[] },
  now: Date,
): { readonly do: 'issue' } | { readonly do: 'keep'; readonly bundleFits: boolean; readonly nextAt: number } {
  const pair = pairOf(files, 'tls')
  const facts = pair && readCertificate(pair)
  const hosts = new Set(wanted.hosts.map(normalHost))
  const covers = facts?.hosts.every(host => hosts.has(host)) && new Set(facts.hosts).size === hosts.size
  if (!facts?.keyFits || !covers || !facts.signedBy(wanted.authority.current.certificate)) return { do: 'issue' }
  const renewAt = twoThirds(facts)
  if (renewAt <= now.getTime()) return { do: 'issue' }
  return { do: 'keep', bundleFits: files['ca.crt'] === wanted.authority.bundle, nextAt: renewAt }
}

function pairOf(files: Readonly<Record<string, string>>, name: string): IssuedCertificate | undefined {
  const certificate = files[`${name}.crt`]
  const privateKey = files[`${name}.key`]
  return certificate === undefined || privateKey === undefined ? undefined : { certificate, privateKey }
}

function stateOf(
  current: IssuedCertificate,
  next: IssuedCertificate | undefined,
  files: Readonly<Record<string, string>>,
  now: Date,
): AuthorityState {
  const trusted = [current.certificate, ...(next ? [next.certificate] : []), files['ca.crt'] ?? '']
  return { current, ...(next && { next }), bundle: liveCertificates(trusted, now).join('') }
}

function promoted(next: IssuedCertificate, files: Readonly<Record<string, string>>, now: Date): AuthorityState {
  return { current: next, bundle: liveCertificates([next.certificate, files['ca.crt'] ?? ''], now).join('') }
}

/** A bundle that lacks one of the authorities, or still has an ended one, is put right. */
function written(state: AuthorityState, files: Readonly<Record<string, string>>): AuthorityPlan | undefined {
  return files['ca.crt'] === state.bundle ? undefined : { do: 'write', state }
}

function twoThirds({ notBefore, notAfter }: CertificateFacts): number {
  return notBefore.getTime() + ((notAfter.getTime() - notBefore.getTime()) * 2) / 3
}
