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
// Mounted files and running guards have to have the next authority before anything is signed by it, though every ConfigMap
// and Secret has it; and processes the next certificate before nobody trusts the authority of the one before.
export const publishAheadMs = day

/** The authority as its Secret holds it. `next` is published in the bundle, but signs nothing yet. */
export interface AuthorityState {
  readonly current: IssuedCertificate
  readonly next?: IssuedCertificate
  /** PEM, everything that may have signed a certificate in use. */
  readonly bundle: string
}

/** What besides its Secret decides about the authority's life. */
export interface AuthorityAbout {
  /** Whether everything that trusts a bundle has this certificate in it; asked only when it matters. */
  hasReached(certificate: string): Promise<boolean>
  /** An authority made before this moment is replaced. Milliseconds since epoch. */
  readonly requestedAt?: number
}

export type AuthorityPlan =
  /** `dueAt`: when it is renewed, or should have been; `nextAt`: when to look again. */
  | { readonly do: 'keep'; readonly state: AuthorityState; readonly dueAt: number; readonly nextAt: number }
  /** There is none that can be used: make one. */
  | { readonly do: 'create' }
  /** Make the next one and publish it beside the current. */
  | { readonly do: 'stage'; readonly state: AuthorityState }
  /** What is in the Secret becomes this. */
  | { readonly do: 'write'; readonly state: AuthorityState }

// Those that still lack the next authority are looked at again this often.
const lookAgainMs = 10_000

/**
 * The life of the authority: create → at two thirds of its life publish the next one → a day later, and when it has
 * reached everything that trusts us, sign with it → the old one leaves the bundle when nothing in use is signed by it.
 * Something that does not take the bundle delays that, but not beyond a twelfth of the life that is left.
 */
export async function planAuthority(
  files: Readonly<Record<string, string>>,
  about: AuthorityAbout,
  now: Date,
): Promise<AuthorityPlan> {
  const current = pairOf(files, 'tls')
  const facts = current && readCertificate(current)
  const next = pairOf(files, 'next')
  const nextFacts = next && readCertificate(next)
  if (!current || !facts?.keyFits || facts.notAfter <= now) {
    return next && nextFacts?.keyFits ? { do: 'write', state: promoted(next, files, now) } : { do: 'create' }
  }
  const state = stateOf(current, nextFacts?.keyFits ? next : undefined, files, now)
  const requested = about.requestedAt !== undefined && about.requestedAt <= now.getTime() ? about.requestedAt : 0
  if (state.next && nextFacts && nextFacts.madeAt.getTime() >= requested) {
    const promoteAt = nextFacts.madeAt.getTime() + publishAheadMs
    if (
      promoteAt <= now.getTime() &&
      (ofLife(facts, 11 / 12) <= now.getTime() || (await about.hasReached(state.next.certificate)))
    )
      return { do: 'write', state: promoted(state.next, files, now) }
    const nextAt = Math.max(promoteAt, now.getTime() + lookAgainMs)
    return written(state, files) ?? { do: 'keep', state, dueAt: promoteAt, nextAt }
  }
  const renewAt = ofLife(facts, 2 / 3)
  if (renewAt <= now.getTime() || facts.madeAt.getTime() < requested) return { do: 'stage', state }
  const nextAt = Math.min(renewAt, ...(about.requestedAt === undefined || requested > 0 ? [] : [about.requestedAt]))
  return written(state, files) ?? { do: 'keep', state, dueAt: nextAt, nextAt }
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

/**
 * An authority in the place of one that was lost. What the lost one signed is in use until everybody knows this one, so
 * it stays in the bundle for as long.
 * @param known PEM bundles that are left of before
 */
export function replaced(current: IssuedCertificate, known: readonly string[], now: Date): AuthorityState {
  return { current, bundle: liveCertificates([current.certificate, ...known], now).join('') }
}

/** The state without authorities that sign nothing any more; undefined where there is none of those. */
export function withoutRetired(state: AuthorityState, now: Date): AuthorityState | undefined {
  const { current, next, bundle } = state
  const left = liveCertificates([current.certificate, ...(next ? [next.certificate] : [])], now)
  return liveCertificates([bundle], now).length > left.length ? { ...state, bundle: left.join('') } : undefined
}

/** What is known of a serving certificate, and what it should be. */
export interface WantedServing {
  readonly authority: AuthorityState
  readonly hosts: readonly string[]
  readonly hasReached: AuthorityAbout['hasReached']
  /** One made before this moment is replaced. Milliseconds since epoch. */
  readonly requestedAt?: number
}

export type ServingPlan =
  | { readonly do: 'issue' }
  | {
      readonly do: 'keep'
      readonly bundleFits: boolean
      readonly dueAt: number
      readonly nextAt: number
      readonly notAfter: number
      /** From when on nobody needs to trust another authority for its sake; undefined while one has signed it. */
      readonly settledAt?: number
    }

/**
 * Whether a serving certificate is to be made anew, and if not, when. One that another authority of the bundle signed is
 * served until the current authority is known everywhere: the bundle goes first.
 */
export async function planServing(
  files: Readonly<Record<string, string>>,
  wanted: WantedServing,
  now: Date,
): Promise<ServingPlan> {
  const { authority, requestedAt = 0 } = wanted
  const pair = pairOf(files, 'tls')
  const facts = pair && readCertificate(pair)
  const hosts = new Set(wanted.hosts.map(normalHost))
  const covers = facts?.hosts.every(host => hosts.has(host)) && new Set(facts.hosts).size === hosts.size
  if (!facts?.keyFits || !covers || facts.notAfter <= now) return { do: 'issue' }
  const renewAt = ofLife(facts, 2 / 3)
  const kept = {
    do: 'keep',
    bundleFits: files['ca.crt'] === authority.bundle,
    notAfter: facts.notAfter.getTime(),
  } as const
  if (!facts.signedBy(authority.current.certificate)) {
    const trusted = liveCertificates([authority.bundle], now).some(one => facts.signedBy(one))
    const late = ofLife(facts, 11 / 12) <= now.getTime()
    if (!trusted || late || (await wanted.hasReached(authority.current.certificate))) return { do: 'issue' }
    return { ...kept, dueAt: renewAt, nextAt: now.getTime() + lookAgainMs }
  }
  const requested = requestedAt <= now.getTime() && facts.madeAt.getTime() < requestedAt
  if (renewAt <= now.getTime() || requested) return { do: 'issue' }
  const nextAt = requestedAt > now.getTime() ? Math.min(renewAt, requestedAt) : renewAt
  return { ...kept, dueAt: nextAt, nextAt, settledAt: facts.madeAt.getTime() + publishAheadMs }
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

function ofLife({ notBefore, notAfter }: CertificateFacts, part: number): number {
  return notBefore.getTime() + (notAfter.getTime() - notBefore.getTime()) * part
}
