import { createHash } from 'node:crypto'
import { canonicalJson } from '../base/canonical-json.ts'
import type { SecretObject } from './secret-data.ts'

/** What of a Secret is not as it should be. */
export interface Differences {
  /** By their paths, in order; no value is named. */
  readonly fields: readonly string[]
  /** The same where the same is wanted of the same fields, whatever stands beside them. */
  readonly digest: string
}

export function differences(found: SecretObject, desired: SecretObject): Differences {
  const maps = [
    ...differ('metadata.labels', found.metadata.labels, desired.metadata.labels),
    ...differ('metadata.annotations', found.metadata.annotations, desired.metadata.annotations),
    ...differ('data', found.data, desired.data),
  ]
  const [owners, wanted] = [found, desired].map(({ metadata }) => canonicalJson(metadata.ownerReferences ?? []))
  const fields = [...maps.map(([field]) => field), ...(owners === wanted ? [] : ['metadata.ownerReferences'])]
  const digest = createHash('sha256').update(canonicalJson({ maps, fields })).digest('base64')
  return { fields, digest }
}

type Texts = Readonly<Record<string, string>>

/** Fields that differ, each with what is wanted there. */
function differ(name: string, found: Texts = {}, desired: Texts = {}): [string, string | null][] {
  const keys = [...new Set([...Object.keys(found), ...Object.keys(desired)])].sort()
  return keys.filter(key => found[key] !== desired[key]).map(key => [`${name}[${key}]`, desired[key] ?? null])
}
