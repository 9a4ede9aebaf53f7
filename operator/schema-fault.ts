import type { KindDefinition } from '../core/api/kind.ts'

/**
 * What our own schema says is wrong with a spec, as one sentence; undefined when nothing is. The API server checks the
 * same, but against the CRD that is installed, which may be of another version.
 */
export function schemaFaultOf(kind: KindDefinition, spec: unknown): string | undefined {
  const parsed = kind.spec.safeParse(spec)
  const issue = parsed.success ? undefined : parsed.error.issues[0]
  if (!issue) return undefined
  return `${['spec', ...issue.path].join('.')}: ${issue.message}`
}
