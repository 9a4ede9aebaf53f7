import { isRecord } from '../../core/base/is-record.ts'
import type { UserInfo } from '../../platform/kube/access-review.ts'
import { exceeded } from './json-bounds.ts'

/** What the API server asks: the parts we read. @see Kubernetes admission.k8s.io/v1 AdmissionReview */
export interface AdmissionRequest {
  readonly uid: string
  readonly kind: { readonly group: string; readonly kind: string }
  readonly subResource?: string
  readonly name?: string
  readonly namespace?: string
  readonly operation: string
  /** Who wants it; undefined when nobody says so. */
  readonly userInfo?: UserInfo
  readonly object?: unknown
  readonly oldObject?: unknown
}

/** Our answer; `causes` say field by field what is wrong. */
export type Verdict =
  | {
      readonly allowed: true
      readonly warnings?: readonly string[]
      /** A JSON patch, as JSON; empty when nothing changes. */
      readonly patch?: string
    }
  | {
      readonly allowed: false
      readonly code: 400 | 413 | 422 | 500
      readonly message: string
      readonly causes?: readonly { readonly field: string; readonly message: string }[]
      readonly warnings?: readonly string[]
    }

/**
 * A Pod or a spec of ours is a few levels deep. The one with the most values is a Role that names 131,072 resources; an
 * update holds it twice.
 */
const most = { levels: 64, values: 320_000 }

const headBytes = 1024

/** @returns the request, or in words what is wrong with the body */
export function readReview(body: Buffer): AdmissionRequest | { readonly fault: string } {
  const over = exceeded(body, most)
  if (over) return { fault: `the body has more than ${most[over]} ${over}` }
  let review: unknown
  try {
    review = JSON.parse(body.toString('utf8'))
  } catch {
    return { fault: 'the body is not JSON' }
  }
  if (!isRecord(review) || review.apiVersion !== 'admission.k8s.io/v1' || review.kind !== 'AdmissionReview') {
    return { fault: 'the body is not an AdmissionReview of admission.k8s.io/v1' }
  }
  const { request } = review
  const whole =
    isRecord(request) &&
    typeof request.uid === 'string' &&
    request.uid.length <= 128 &&
    isRecord(request.kind) &&
    typeof request.operation === 'string' &&
    (request.userInfo === undefined || isUser(request.userInfo))
  return whole
    ? (request as unknown as AdmissionRequest)
    : { fault: 'request.uid, kind, operation and a well-formed userInfo are required' }
}

/**
 * The uid of a review that is not read as a whole, so that its sender still gets a reason. The API server writes it
 * near the beginning.
 */
export function uidOf(body: Buffer): string | undefined {
  const text = body.subarray(0, headBytes).toString('latin1')
  return /"request"\s*:\s*\{\s*"uid"\s*:\s*"([0-9A-Za-z-]{1,128})"/.exec(text)?.[1]
}

/**
 * The namespace of a review that is not read yet, to tell in whose turn it is. The API server writes it behind the names of
 * the kinds, before the object; nothing else is decided by it.
 */
export function namespaceOf(body: Buffer): string | undefined {
  const text = body.subarray(0, 2 * headBytes).toString('latin1')
  return /"namespace"\s*:\s*"([0-9a-z-]{1,63})"/.exec(text)?.[1]
}

/** The body of our answer. */
export function reviewAnswer(uid: string, verdict: Verdict): string {
  const { allowed, warnings } = verdict
  const response = {
    uid,
    allowed,
    ...(warnings && warnings.length > 0 && { warnings: warnings.map(text => text.slice(0, 256)) }),
    ...(verdict.allowed ? patchOf(verdict.patch) : { status: statusOf(verdict) }),
  }
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response })
}

function patchOf(patch: string | undefined): object {
  return patch ? { patchType: 'JSONPatch', patch: Buffer.from(patch).toString('base64') } : {}
}

const reasons = { 400: 'BadRequest', 413: 'RequestEntityTooLarge', 422: 'Invalid', 500: 'InternalError' } as const

function statusOf({ code, message, causes }: Verdict & { allowed: false }): object {
  return {
    status: 'Failure',
    code,
    reason: reasons[code],
    message,
    ...(causes && { details: { causes: causes.map(cause => ({ reason: 'FieldValueInvalid', ...cause })) } }),
  }
}

/** Only passed on, to the API server that wrote it. */
function isUser(value: unknown): value is UserInfo {
  return isRecord(value) && typeof value.username === 'string'
}
