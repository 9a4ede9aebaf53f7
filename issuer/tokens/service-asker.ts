import type { ResolvedService } from '../../core/registry/resolve-services.ts'
import type { ServiceCallers } from '../authenticate/service-callers.ts'
import type { Holder } from '../authenticate/token-review.ts'
import { type OAuthFault, unavailable } from './oauth-fault.ts'

/** A service account that asks for a service. It is proved; which services it may ask for is asked for each. */
export interface ServiceAsker {
  readonly user: Holder['user']
  /** @throws UnansweredError when it cannot be known */
  mayEnforce(service: ResolvedService): Promise<boolean>
}

/** The API server gave no answer, or too many wait for one: nothing follows from it. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError'
}

/** Proves service accounts by the bearer token they send, whose audience is the issuer of the installation. */
export type AskerReader = (peer: string, authorization: string) => Promise<ServiceAsker | OAuthFault>

const bearer = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i

/** Whether a header says that a service account asks. */
export function isBearer(authorization: string | undefined): authorization is string {
  return authorization !== undefined && /^bearer(?: |$)/i.test(authorization)
}

export function createAskerReader(callers: ServiceCallers): AskerReader {
  return async (peer, authorization) => {
    const [, token] = bearer.exec(authorization) ?? []
    const holder = token === undefined ? undefined : await answered(callers.review(peer, token))
    if (holder === 'busy') return unavailable('too many tokens wait to be looked at: try again')
    if (!holder) return notProved
    const { user } = holder
    return {
      user,
      mayEnforce({ service: { metadata } }) {
        const { namespace = '', name } = metadata
        return answered(callers.mayEnforce(user, { namespace, name }))
      },
    }
  }
}

/** @see RFC 6750 section 3.1, RFC 7662 section 2.3 */
const notProved: OAuthFault = {
  error: 'invalid_token',
  description: 'send a service account token of this cluster whose audience is the issuer of the installation',
  headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
}

async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (cause) {
    throw new UnansweredError('the API server gave no answer', { cause })
  }
}
