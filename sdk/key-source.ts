import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { issuerOf } from '../core/base/ids.ts'
import { isRecord } from '../core/base/is-record.ts'
import { fail } from './access-error.ts'
import { type ClientJwk, type ClientKey, readClientKey } from './private-key.ts'

/** Where a key or a secret is read from. `changed` is true when `read` would give something new. */
export interface Source<T> {
  changed(): Promise<boolean>
  /** @throws AccessError key_missing | key_invalid */
  read(): Promise<T>
}

export interface KeySourceOptions {
  /** Directory where the Secret of an AccessKey is mounted. */
  readonly directory?: string
  /** Environment to look into, usually `process.env`: LATCHKEY_PRIVATE_JWK, else SERVICE_BINDING_ROOT. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The key itself, with the members `client_id` and `issuer`. */
  readonly key?: ClientJwk
}

/** Where examples and templates mount the Secret. */
const defaultDirectory = '/var/run/secrets/latchkey'

/** The first that is given: key, directory, LATCHKEY_PRIVATE_JWK, SERVICE_BINDING_ROOT, else the default directory. */
export async function findKeySource(options: KeySourceOptions): Promise<Source<ClientKey>> {
  const found = await locate(options)
  if ('jwk' in found) return { changed: async () => false, read: async () => readClientKey(found.jwk()) }
  const { directory } = found
  return directorySource(join(directory, 'private.jwk'), () => readMountedKey(directory))
}

/** The key itself, or the directory where a Secret is mounted. */
export async function locate(
  options: KeySourceOptions,
): Promise<{ readonly jwk: () => ClientJwk } | { readonly directory: string }> {
  const { key, directory, env = {} } = options
  if (key) return { jwk: () => key }
  if (directory !== undefined) return { directory }
  const text = env.LATCHKEY_PRIVATE_JWK
  if (text) return { jwk: () => parseJwk(text) }
  return { directory: env.SERVICE_BINDING_ROOT ? await findBinding(env.SERVICE_BINDING_ROOT) : defaultDirectory }
}

/**
 * Looks at one file of a mounted Secret. The kubelet replaces one by moving one symbolic link, so every file's inode
 * changes; asking for it on use needs no watcher, which network file systems and some container runtimes do not carry.
 */
export function directorySource<T>(file: string, read: () => Promise<T>): Source<T> {
  let seen: string | undefined
  const version = async () => {
    const { ino, size, mtimeNs } = await stat(file, { bigint: true })
    return `${ino} ${size} ${mtimeNs}`
  }
  return {
    changed: () =>
      version().then(
        now => now !== seen,
        () => true,
      ),
    async read() {
      // Taken before the content: a swap in between is seen as a change the next time.
      const now = await version().catch(() => undefined)
      const value = await read()
      seen = now
      return value
    },
  }
}

export async function readMountedKey(directory: string): Promise<ClientKey> {
  return readClientKey(await readJwk(directory, join(directory, 'private.jwk')))
}

async function readJwk(directory: string, file: string): Promise<ClientJwk> {
  const text = await readText(file)
  if (!text) {
    const message = `There is no private key at ${file}. Mount the Secret of an AccessKey; if it is mounted, the key is revoked or not minted yet: see kubectl describe akey.`
    return fail('key_missing', message)
  }
  const jwk = parseJwk(text)
  if (jwk.client_id !== undefined && jwk.issuer !== undefined) return jwk
  const [clientId, installation] = await Promise.all([
    readText(join(directory, 'client-id')),
    readText(join(directory, 'issuer')),
  ])
  if (!clientId || !installation) return jwk
  return { client_id: clientId, issuer: issuerOf(installation, clientId), ...jwk }
}

function parseJwk(text: string): ClientJwk {
  try {
    const jwk: unknown = JSON.parse(text)
    if (isRecord(jwk)) return jwk
  } catch {
    // The parser's message quotes the text, and the text is a private key.
  }
  return fail(
    'key_invalid',
    'The private key cannot be used: it is not a JSON object. Mount the Secret of an AccessKey.',
  )
}

/** @see Service Binding Specification 1.1, "Workload Projection" */
async function findBinding(root: string): Promise<string> {
  const names = await readdir(root).catch(() => [])
  const types = await Promise.all(names.map(name => readText(join(root, name, 'type'))))
  const found = names.filter((_, index) => types[index] === 'latchkey')
  const [only] = found
  if (only !== undefined && found.length === 1) return join(root, only)
  const message =
    found.length === 0
      ? `No binding of type latchkey below ${root}. Project the Secret of an AccessKey into the workload.`
      : `Several bindings of type latchkey below ${root}: ${found.join(', ')}. Name one with the option directory.`
  return fail('key_missing', message)
}

export async function readText(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  return text?.trim()
}
