import { methodIndex, methodMask } from '../base/methods.ts'
import type { RuleRow } from '../rows/rows.ts'
import { parameterPositions, parseResource, parseTemplate, type Template, type TemplateFault } from './template.ts'

/** What a rule is asked about: a path by a method, or a resource by an action. */
export type RuleQuestion =
  | { readonly kind: 'path'; readonly method: string; readonly segments: readonly string[] }
  | { readonly kind: 'permission'; readonly action: string; readonly segments: readonly string[] }

/** How far one template of a rule fits. */
export interface RuleMatch {
  /** The template, as written; for permissions with its action. */
  readonly text: string
  /** Segments from the left that fit. */
  readonly depth: number
  /** Whether the template matches as a whole. */
  readonly whole: boolean
  /** Whether the method or the action is the one asked for. */
  readonly verb: boolean
  /** What the template's names stand for. */
  readonly values: ReadonlyMap<string, string>
}

/** The template of a rule that fits best; undefined when none fits in any segment. */
export function matchRule(rule: RuleRow, question: RuleQuestion): RuleMatch | undefined {
  const matches = question.kind === 'path' ? pathMatches(rule, question) : permissionMatches(rule, question)
  return matches.filter(({ depth, whole }) => whole || depth > 0).sort(byFit)[0]
}

/** The better fit first. */
export function byFit(a: RuleMatch, b: RuleMatch): number {
  const worth = ({ whole, verb, depth }: RuleMatch): number => (whole ? 2_000 : 0) + (verb ? 1_000 : 0) + depth
  return worth(b) - worth(a)
}

function pathMatches(rule: RuleRow, { method, segments }: RuleQuestion & { kind: 'path' }): RuleMatch[] {
  const index = methodIndex(method)
  const verb = index >= 0 && (methodMask(rule.methods ?? []) & (1 << index)) !== 0
  return (rule.paths ?? []).flatMap(path => matchTemplate(parseTemplate(path), path, segments, verb))
}

function permissionMatches(rule: RuleRow, question: RuleQuestion & { kind: 'permission' }): RuleMatch[] {
  return (rule.permissions ?? []).flatMap(({ action, resources }) =>
    resources.flatMap(resource =>
      matchTemplate(parseResource(resource), `${action} ${resource}`, question.segments, action === question.action),
    ),
  )
}

function matchTemplate(
  template: Template | TemplateFault,
  text: string,
  segments: readonly string[],
  verb: boolean,
): RuleMatch[] {
  if ('fault' in template) return []
  const { depth, whole } = fitOf(template, segments)
  const positions = parameterPositions(template)
  const values = new Map([...positions].map(([name, at]) => [name, segments[at] ?? '']))
  return [{ text, depth, whole, verb, values }]
}

function fitOf(template: Template, segments: readonly string[]): { depth: number; whole: boolean } {
  for (const [at, segment] of template.segments.entries()) {
    if (segment.kind === 'rest') return { depth: at, whole: true }
    const value = segments[at]
    const fits = segment.kind === 'literal' ? value === segment.value : value !== undefined && value !== ''
    if (!fits) return { depth: at, whole: false }
  }
  const { length } = template.segments
  return { depth: length, whole: length === segments.length }
}
