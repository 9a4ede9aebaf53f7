import { decodeBase64url } from '../base/base64url.ts'
import { lookup } from '../base/shared-map.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { maxTokenLength } from './compact.ts'
import { readJsonObject } from './strict-json.ts'

/**
 * Whose a token says it is, where somebody of that issuer is known: what is queued by it has no more queues than there
 * are clients. Nothing is proved by it, and it must decide nothing.
 */
export function claimedIssuer(token: string, { clientsByIssuer, cluster }: Snapshot): string | undefined {
  if (token.length > maxTokenLength) return undefined
  const first = token.indexOf('.')
  const payload = decodeBase64url(token.slice(first + 1, token.indexOf('.', first + 1)))
  const iss = payload && readJsonObject(payload)?.iss
  if (typeof iss !== 'string') return undefined
  return iss === cluster?.issuer || lookup(clientsByIssuer, iss) ? iss : undefined
}
