import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { isRecord } from '../../../core/base/is-record.ts'
import type { Entry } from './entry.ts'

/** What one context of a kubeconfig stands for. */
export interface ChosenContext {
  readonly namespace: string | undefined
  readonly cluster: Entry
  /** Empty when the context names none: then the API server is asked by nobody. */
  readonly user: Entry
}

/** Files of a list may be missing, a file that somebody named may not. */
export type Missing = 'Refused' | 'Skipped'

type Kind = 'clusters' | 'users' | 'contexts'
const inside: Readonly<Record<Kind, string>> = { clusters: 'cluster', users: 'user', contexts: 'context' }

/**
 * Reads files as kubectl does: the first one that says something holds, and so does the first one to name a context as
 * the current one. What is not chosen is not looked at: it may be wrong.
 * @returns undefined when the files say nothing at all
 * @see https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/#merging-kubeconfig-files
 */
export async function chooseContext(
  files: readonly string[],
  missing: Missing,
  wanted: string | undefined,
): Promise<ChosenContext | undefined> {
  const read = await Promise.all(files.map(file => readOne(file, missing)))
  const found = read.filter(one => one !== undefined)
  if (found.length === 0) return undefined
  const name = wanted ?? found.map(({ current }) => current).find(current => current !== '')
  if (name === undefined) throw new Error('it names no current context')
  const entry = (kind: Kind, of: string): Entry | undefined => {
    for (const { folder, content } of found) {
      const fields = named(content[kind], kind, of)
      if (fields) return { name: of, folder, fields }
    }
    return undefined
  }
  const context = entry('contexts', name)
  if (!context) throw new Error(`there is no context ${name}`)
  const { cluster: clusterName, user: userName, namespace } = context.fields
  const cluster = entry('clusters', String(clusterName))
  if (!cluster) throw new Error(`there is no cluster ${String(clusterName ?? '""')}, which context ${name} names`)
  const user = userName ? entry('users', String(userName)) : { name: '', folder: '', fields: {} }
  if (!user) throw new Error(`there is no user ${String(userName)}, whom context ${name} names`)
  return { namespace: namespace ? String(namespace) : undefined, cluster, user }
}

interface Content {
  readonly folder: string
  readonly current: string
  readonly content: Readonly<Record<string, unknown>>
}

async function readOne(file: string, missing: Missing): Promise<Content | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' && missing === 'Skipped') return ''
    throw error
  })
  const document = parseDocument(text, { merge: true, uniqueKeys: false, logLevel: 'silent' })
  const [fault] = document.errors
  // The parser's own words show what it could not read: a credential may be in it.
  if (fault) throw new Error(`${file} is no YAML, line ${fault.linePos?.[0].line ?? 1}`)
  const content = plain(document, file)
  if (content === null || content === undefined) return undefined
  if (!isRecord(content)) throw new Error(`${file} is no kubeconfig`)
  const current = content['current-context']
  return { folder: dirname(resolve(file)), current: typeof current === 'string' ? current : '', content }
}

function plain(document: { toJS(): unknown }, file: string): unknown {
  try {
    return document.toJS()
  } catch {
    throw new Error(`${file} is no YAML: what an alias stands for is not in it`)
  }
}

function named(list: unknown, kind: Kind, name: string): Readonly<Record<string, unknown>> | undefined {
  const found = Array.isArray(list) ? list.find(one => isRecord(one) && String(one.name) === name) : undefined
  if (!isRecord(found)) return undefined
  const fields = found[inside[kind]]
  return isRecord(fields) ? fields : {}
}
