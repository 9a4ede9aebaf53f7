import { join } from 'node:path'
import { readApiKey, readStaticSecret } from '../core/secret/presented.ts'
import { fail } from './access-error.ts'
import { follow } from './follow.ts'
import { directorySource, type KeySourceOptions, locate, readText } from './key-source.ts'
import type { CredentialPlace, TokenProvider } from './token-provider.ts'

export interface SecretProviderOptions extends Pick<KeySourceOptions, 'directory' | 'env'> {
  /**
   * Audiences of the services that may see the secret, exactly. Whoever receives it can use it, so that it goes to no
   * service that is not listed: name those of `spec.services` of its AccessKey.
   */
  readonly audiences: readonly string[]
  /**
   * Where the secret is sent. `bearer`: a static secret. `basic`: an API key as HTTP Basic. A name: the header that
   * `spec.apiKey.header` of the service says.
   */
  readonly as: 'bearer' | 'basic' | { readonly header: string }
}

const headerName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/

/**
 * Sends the static secret or the API key of a mounted Secret, and follows its rotation.
 * @throws AccessError option_invalid
 */
export function secretProvider(options: SecretProviderOptions): TokenProvider {
  const { as } = options
  const audiences = new Set(options.audiences)
  if (audiences.size === 0) fail('option_invalid', 'audiences must name the services that may see the secret')
  const place = placeOf(as)
  const read = as === 'bearer' ? readStaticSecret : readApiKey
  const secrets = follow(async () => {
    const found = await locate({ ...options, env: { ...options.env, LATCHKEY_PRIVATE_JWK: undefined } })
    const file = join('directory' in found ? found.directory : '', 'secret')
    return directorySource(file, () => readSecret(file, read))
  })
  let closed = false

  return {
    place,
    async token(audience) {
      if (!audiences.has(audience)) {
        fail(
          'option_invalid',
          `This secret may not be sent to ${audience}: list it in audiences, if that service may see it.`,
        )
      }
      const secret = await secrets.current()
      if (closed) fail('provider_closed', 'This secret provider was closed.')
      return secret
    },
    refresh: secrets.refresh,
    close() {
      closed = true
      secrets.forget()
    },
  }
}

function placeOf(as: SecretProviderOptions['as']): CredentialPlace {
  if (as === 'bearer') return { header: 'authorization', prefix: 'Bearer ' }
  if (as === 'basic') return { header: 'authorization', prefix: 'Basic ' }
  if (!headerName.test(as.header)) return fail('option_invalid', 'header must be the name of a header')
  return { header: as.header, prefix: '' }
}

async function readSecret(file: string, read: (text: string) => unknown): Promise<string> {
  const text = await readText(file)
  if (!text) {
    return fail(
      'key_missing',
      `There is no secret at ${file}. Mount the Secret of an AccessKey; if it is mounted, it is revoked or not minted yet: see kubectl describe akey.`,
    )
  }
  if (read(text) !== undefined) return text
  return fail('key_invalid', `What stands in ${file} is not of the kind that is to be sent, or was cut off.`)
}
