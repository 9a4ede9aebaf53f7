import { isRecord } from '../../core/base/is-record.ts'

const longestToken = 8_192
/** By how much clocks may differ; the API server decides, this is for what it cannot take. */
const toleranceSeconds = 60
const form = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

/**
 * Whether it is worth asking the API server about a token. What is read here is not proved: it can only refuse.
 * @param nowSeconds since epoch
 */
export function isWorthReview(
  token: string,
  { audience, nowSeconds }: { audience: string; nowSeconds: number },
): boolean {
  if (token.length > longestToken || !form.test(token)) return false
  const [head = '', body = ''] = token.split('.')
  const header = partOf(head)
  const claims = partOf(body)
  if (typeof header?.alg !== 'string' || !claims) return false
  const { iss, aud, exp } = claims
  if (typeof iss !== 'string' || iss === '') return false
  if (aud !== audience && !(Array.isArray(aud) && aud.includes(audience))) return false
  return typeof exp === 'number' && exp + toleranceSeconds > nowSeconds
}

/** End of a token that was accepted, seconds since epoch. One without an end could be used for ever, and has none here. */
export function endOf(token: string): number | undefined {
  const exp = partOf(token.split('.')[1] ?? '')?.exp
  return typeof exp === 'number' ? exp : undefined
}

function partOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
