import { type DenyReason, reasons } from '../base/reasons.ts'
import {
  allFaults,
  type ClaimCheck,
  type ClaimFault,
  clientTokenChecks,
  clientTokenClaimNames,
  missingClaims,
  serviceAccountTokenClaimNames,
  serviceAccountTokenFormChecks,
  serviceAccountTokenTimeChecks,
} from '../credential/claim-checks.ts'
import { type Claims, checkTimes, readAudience, timesOf } from '../credential/claims.ts'
import { type CompactToken, parseCompact } from '../credential/compact.ts'
import { formFault } from '../credential/form-fault.ts'
import { algorithms } from '../jose/algorithms.ts'

/** One thing that is wrong with a token, whatever the service. */
export interface TokenFault {
  readonly code: DenyReason
  /** What was found. */
  readonly found: string
  /** What to do. */
  readonly hint: string
}

/** What a token says of itself. Nothing of it is proved, and its signature is not in it. */
export interface TokenInspection {
  /** Absent when it cannot be read. */
  readonly kind?: 'ClientToken' | 'ServiceAccountToken'
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Claims
  readonly audience?: string
  /** Every fault at once, in the order in which a guard would tell of them. */
  readonly faults: readonly TokenFault[]
}

type Kind = NonNullable<TokenInspection['kind']>

const headerNames = ['alg', 'typ', 'kid']
const claimNames = ['iss', 'sub', 'client_id', 'aud', 'iat', 'nbf', 'exp', 'jti']

/**
 * Says what is wrong with a token by itself: its form, its header, its claims, its times. For the person who signs it;
 * a guard tells of no more than the first, and of none before it has proved the signature.
 * @param now seconds since epoch
 */
export function inspectToken(text: string, now: number): TokenInspection {
  const token = parseCompact(text)
  if (!token) return { header: {}, claims: {}, faults: [fault('invalid_token', formFault(text))] }
  const kind = looksLikeServiceAccount(token) ? 'ServiceAccountToken' : 'ClientToken'
  const audience = readAudience(token.payload)
  return {
    kind,
    header: only(token.header, headerNames),
    claims: only(token.payload, claimNames),
    ...(audience !== undefined && { audience }),
    faults: [
      ...unprovableFaults(token, kind),
      ...(kind === 'ClientToken'
        ? claimFaults(clientTokenChecks, token, kind)
        : [
            ...claimFaults(serviceAccountTokenFormChecks, token, kind),
            ...apiServerFault(token.payload, audience),
            ...claimFaults(serviceAccountTokenTimeChecks, token, kind),
          ]),
      ...timeFaults(token.payload, now),
    ],
  }
}

function claimFaults(checks: readonly ClaimCheck[], token: CompactToken, kind: Kind): TokenFault[] {
  return allFaults(checks, token, claimedClient(token.payload)).map(code => fault(code, found(code, token, kind)))
}

function fault(code: DenyReason, what: string, hint: string = reasons[code].hint): TokenFault {
  return { code, found: what, hint }
}

/** A guard tells them apart by the issuer of the cluster, which is not known here. */
export function looksLikeServiceAccount({ payload }: Pick<CompactToken, 'payload'>): boolean {
  const { sub } = payload
  const isOfKubernetes = typeof sub === 'string' && sub.startsWith('system:serviceaccount:')
  return isOfKubernetes || Object.hasOwn(payload, 'kubernetes.io')
}

const clientAlgorithms = Object.values(algorithms).flatMap(({ tokenAlgorithms }) => tokenAlgorithms)
const clusterAlgorithms = ['RS256', 'ES256']
const clientIssuer = /^https?:\/\/[^?#]+\/v1\/clients\/[^/?#]+$/

/** What keeps every guard from finding the key that signed, whatever its policy. */
function unprovableFaults({ header, payload }: CompactToken, kind: Kind): TokenFault[] {
  const { alg, kid } = header
  const { iss } = payload
  const taken = kind === 'ClientToken' ? clientAlgorithms : clusterAlgorithms
  const faults: (TokenFault | false)[] = [
    !(typeof alg === 'string' && taken.includes(alg)) &&
      fault('invalid_token', `alg is ${shown(alg)}`, `Sign with the algorithm of the key: ${taken.join(', ')}.`),
    !(typeof kid === 'string' && kid !== '') &&
      fault(
        'invalid_token',
        `kid is ${shown(kid)}`,
        'Write the id of the key that signs, the file key-id of the mounted Secret, into the kid of the header.',
      ),
    kind === 'ClientToken' &&
      Object.hasOwn(payload, 'iss') &&
      !(typeof iss === 'string' && clientIssuer.test(iss)) &&
      fault(
        'invalid_token',
        `iss is ${shown(iss)}`,
        "Write the client's own issuer into iss: <issuer>/v1/clients/<client id>, with the files issuer and client-id of the mounted Secret.",
      ),
  ]
  return faults.filter(one => one !== false)
}

const apiServer = /^https:\/\/kubernetes\.default(?:\.svc(?:\.[a-z0-9.-]+)?)?$/

/** The token that every pod has is for the API server, whose audience is its own issuer unless it was told another. */
function apiServerFault({ iss }: Claims, audience: string | undefined): TokenFault[] {
  if (audience === undefined || !(audience === iss || apiServer.test(audience))) return []
  const hint =
    'Have Kubernetes project a token for the service: a volume with serviceAccountToken and the audience of the service.'
  return [fault('wrong_audience', `aud is ${audience}: the token is for the Kubernetes API`, hint)]
}

/** Whom the token is of by its issuer, which ends with the client id; else by its subject. */
function claimedClient({ iss, sub, client_id }: Claims): unknown {
  const [, byIssuer] = typeof iss === 'string' ? (/\/v1\/clients\/([^/]+)$/.exec(iss) ?? []) : []
  return byIssuer ?? sub ?? client_id
}

function found(code: ClaimFault, { header, payload }: CompactToken, kind: Kind): string {
  if (code === 'typ_invalid') return `typ is ${shown(header.typ)}`
  if (code === 'claim_missing') {
    const names = kind === 'ClientToken' ? clientTokenClaimNames : serviceAccountTokenClaimNames
    const missing = missingClaims(payload, names)
    return missing.length > 0 ? `${missing.join(', ')}: not there` : 'kubernetes.io names no pod or no service account'
  }
  if (code === 'lifetime_invalid') return `exp is ${Number(payload.exp) - Number(payload.iat)} s after iat`
  const name = code.replace(/_invalid$/, '')
  return `${name} is ${shown(payload[name])}`
}

function timeFaults(claims: Claims, now: number): TokenFault[] {
  const { iat, exp, nbf } = claims
  if (typeof iat !== 'number' || typeof exp !== 'number') return []
  const code = checkTimes(claims, timesOf(claims), now)
  if (!code) return []
  const ahead = Math.max(iat, typeof nbf === 'number' ? nbf : 0) - now
  return [
    fault(
      code,
      code === 'token_expired' ? `it ended ${Math.round(now - exp)} s ago` : `it begins in ${Math.round(ahead)} s`,
    ),
  ]
}

function only(value: Claims, names: readonly string[]): Claims {
  return Object.fromEntries(names.filter(name => Object.hasOwn(value, name)).map(name => [name, value[name]]))
}

function shown(value: unknown): string {
  if (value === undefined) return 'not there'
  const text = JSON.stringify(value)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
