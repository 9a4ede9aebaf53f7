import { type ExchangeOptions, exchange, readObject } from './exchange.ts'

const keptMs = 600_000
const maxBytes = 65_536

/**
 * Finds endpoints of an authorization server by its discovery document, which is read again after ten minutes. While it
 * cannot be read, what was read last holds.
 * @see RFC 8414 section 3.3: the document must be of the very issuer that was asked
 */
export function createDiscovery(issuer: string, options: Pick<ExchangeOptions, 'ca' | 'timeoutMs'>) {
  let known: { readonly document: Readonly<Record<string, unknown>>; readonly readAt: number } | undefined
  let reading: Promise<void> | undefined

  async function read(): Promise<void> {
    const { status, text } = await exchange(`${issuer}/.well-known/openid-configuration`, { ...options, maxBytes })
    const document = status === 200 ? readObject(text) : undefined
    if (document?.issuer !== issuer) throw new Error('no discovery document of this issuer')
    known = { document, readAt: performance.now() }
  }

  /** @returns an https URL. @throws Error when there is none, or nothing was ever read */
  return async function endpoint(member: string): Promise<string> {
    if (!known || performance.now() - known.readAt >= keptMs) {
      reading ??= read().finally(() => {
        reading = undefined
      })
      await reading.catch(error => {
        if (!known) throw error
      })
    }
    const url = known?.document[member]
    if (typeof url !== 'string' || !URL.canParse(url) || new URL(url).protocol !== 'https:')
      throw new Error(`the issuer names no ${member}`)
    return url
  }
}
