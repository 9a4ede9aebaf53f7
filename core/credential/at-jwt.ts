import type { ClaimCheck, ClaimFault } from './claim-checks.ts'

/** Longest `jti`, characters. */
const maxJtiLength = 128

/** What every token of the type at+jwt is looked at for, whoever signed it. */
export const checkAtJwtType: ClaimCheck = ({ header }) => (isAtJwt(header.typ) ? undefined : 'typ_invalid')

export const checkJti: ClaimCheck = ({ payload: { jti } }) =>
  jti === undefined || isJti(jti) ? undefined : 'jti_invalid'

/** @returns a check that the claim, where it is there, is the client's id */
export function namesClient(name: 'sub' | 'client_id'): ClaimCheck {
  return ({ payload }, clientId): ClaimFault | undefined =>
    !Object.hasOwn(payload, name) || payload[name] === clientId ? undefined : `${name}_invalid`
}

/** RFC 9068 section 2.1; media types are compared without case (RFC 7515 section 4.1.9). */
function isAtJwt(typ: unknown): boolean {
  if (typ === 'at+jwt') return true
  if (typeof typ !== 'string' || typ.length > 32) return false
  const type = typ.toLowerCase()
  return type === 'at+jwt' || type === 'application/at+jwt'
}

function isJti(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && value.length <= maxJtiLength
}
