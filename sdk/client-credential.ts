import { join } from 'node:path'
import { isSecret } from '../core/secret/secret.ts'
import { fail } from './access-error.ts'
import { directorySource, type KeySourceOptions, locate, readMountedKey, readText, type Source } from './key-source.ts'
import { type ClientKey, readClientKey } from './private-key.ts'

/** What a client proves itself with at the token endpoint. */
export interface ClientCredential {
  readonly clientId: string
  /** Issuer URL of the installation. */
  readonly issuer: string
  /** PEM of the authority that the issuer's certificate is of; absent: the system's. */
  readonly ca?: string
  readonly proof: { readonly key: ClientKey } | { readonly secret: string }
}

/** A private key, or else the secret of an AccessKey of type ClientSecret, where `tokenProvider` would look too. */
export async function findCredential(options: KeySourceOptions): Promise<Source<ClientCredential>> {
  const found = await locate(options)
  if ('jwk' in found) return { changed: async () => false, read: async () => ofKey(readClientKey(found.jwk())) }
  const { directory } = found
  // Every Secret of ours has it, and all of its files change together.
  return directorySource(join(directory, 'key-id'), () => readMounted(directory))
}

function ofKey(key: ClientKey, ca?: string): ClientCredential {
  const { clientId, issuer } = key
  const end = `/v1/clients/${clientId}`
  if (!issuer.endsWith(end)) return fail('key_invalid', 'issuer of the private key is no issuer of a client.')
  return { clientId, issuer: issuer.slice(0, -end.length), proof: { key }, ...(ca && { ca }) }
}

async function readMounted(directory: string): Promise<ClientCredential> {
  const names = ['secret', 'client-id', 'issuer', 'ca.crt']
  const [secret, clientId, issuer, ca] = await Promise.all(names.map(name => readText(join(directory, name))))
  // Without either the reader of keys says what is missing.
  if (!secret) return ofKey(await readMountedKey(directory), ca)
  if (!isSecret(secret)) {
    return fail(
      'key_invalid',
      `The secret at ${directory} is no client secret: a static secret or an API key is sent as it is, see secretProvider.`,
    )
  }
  if (!clientId || !issuer) return fail('key_invalid', `The files client-id and issuer are missing at ${directory}.`)
  return { clientId, issuer, proof: { secret }, ...(ca && { ca }) }
}
