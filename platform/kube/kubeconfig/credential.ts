import { readFile } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import { resolve } from 'node:path'
import { isRecord } from '../../../core/base/is-record.ts'
import type { TlsOptions } from '../access.ts'
import { bytesOf, type Entry, textOf } from './entry.ts'
import { type Around, createExecPlugin } from './exec-plugin.ts'

/** Who asks. */
export interface UserCredential {
  readonly headers: Readonly<Record<string, string | string[]>>
  readonly tls: Pick<TlsOptions, 'cert' | 'key'>
}

/** The credential of a user of a kubeconfig, as kubectl takes it; files are read and plugins asked each time. */
export function createUserCredential(user: Entry, cluster: Entry, around: Around): () => Promise<UserCredential> {
  const { exec } = user.fields
  const plugin = isRecord(exec) ? createExecPlugin({ ...user, fields: exec }, cluster, around) : undefined
  return async () => {
    const [cert, key] = await Promise.all([bytesOf(user, 'client-certificate'), bytesOf(user, 'client-key')])
    if (!cert !== !key) throw new Error(`user ${user.name} has only one of client certificate and client key`)
    const said = (await tokenOf(user)) ?? passwordOf(user)
    // A plugin is not asked by who has a token: as client-go has it.
    const given = said === undefined ? await plugin?.() : undefined
    const authorization = said ?? (given?.token === undefined ? undefined : `Bearer ${given.token}`)
    const provided = isRecord(user.fields['auth-provider']) ? await askProvider(user, cluster) : {}
    return {
      headers: { ...provided, ...(authorization !== undefined && { authorization }), ...impersonation(user) },
      tls: { ...(cert && { cert }), ...(key && { key }), ...(given?.cert && { cert: given.cert, key: given.key }) },
    }
  }
}

/** The file wins, as long as it can be read: something renews it. */
async function tokenOf(user: Entry): Promise<string | undefined> {
  const [token, file] = [textOf(user, 'token'), textOf(user, 'tokenFile')]
  const read = file === undefined ? undefined : await readFile(resolve(user.folder, file), 'utf8').catch(orNone)
  function orNone(error: unknown): undefined {
    if (token === undefined) throw error
  }
  const found = read?.trim() || token
  return found === undefined ? undefined : `Bearer ${found}`
}

function passwordOf(user: Entry): string | undefined {
  const name = textOf(user, 'username')
  if (name === undefined) return undefined
  return `Basic ${Buffer.from(`${name}:${textOf(user, 'password') ?? ''}`).toString('base64')}`
}

/** Whose rights are asked with. Left out in part it would be somebody else's. */
function impersonation(user: Entry): Record<string, string | string[]> {
  const { 'as-groups': groups, 'as-user-extra': extra } = user.fields
  const [name, uid] = [textOf(user, 'as'), textOf(user, 'as-uid')]
  const more = {
    ...(uid !== undefined && { 'impersonate-uid': uid }),
    ...(Array.isArray(groups) && groups.length > 0 && { 'impersonate-group': groups.map(String) }),
    ...Object.fromEntries(
      Object.entries(isRecord(extra) ? extra : {}).map(([key, values]) => [
        `impersonate-extra-${encodeURIComponent(key.toLowerCase())}`,
        (Array.isArray(values) ? values : [values]).map(String),
      ]),
    ),
  }
  if (name === undefined && Object.keys(more).length > 0)
    throw new Error(`user ${user.name} asks with somebody's groups and does not say whose: it has no \`as\``)
  return name === undefined ? {} : { 'impersonate-user': name, ...more }
}

/** OpenID Connect and what else had a name of its own before plugins: the client library knows them. */
async function askProvider(user: Entry, cluster: Entry): Promise<Record<string, string>> {
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: [{ name: 'c', server: String(cluster.fields.server), skipTLSVerify: true }],
    users: [{ name: 'u', authProvider: user.fields['auth-provider'] }],
    contexts: [{ name: 'one', cluster: 'c', user: 'u' }],
    currentContext: 'one',
  })
  const found: RequestOptions = {}
  await config.applyToHTTPSOptions(found)
  const headers = Object.entries(found.headers ?? {})
  return Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), String(value)]))
}
