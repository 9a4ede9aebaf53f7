import { methodMask } from '../base/methods.ts'
import { everyNth, type Steps } from '../base/steps.ts'
import type { RoleRow, RuleRow, ServiceRow } from '../rows/rows.ts'
import { compilingRoutes, type RouteTable } from './route-table.ts'
import { growRuleTrie, type RuleNode, type RuleTrie } from './rule-trie.ts'
import { parameterPositions, parseResource, parseTemplate, type Template, type TemplateFault } from './template.ts'

/** What decide() walks; its inside is nobody else's business. */
export interface CompiledPolicy {
  /** The roles that are known: by name, the number that their rules have. */
  readonly roles: ReadonlyMap<string, number>
  readonly routes: RouteTable
  /** Rules by path. */
  readonly paths: RuleNode
  /** Rules by permission: action → trie of resources. */
  readonly permissions: ReadonlyMap<string, RuleNode>
}

/** A policy that nothing may be decided from, and why. */
export interface PolicyFault {
  readonly fault: string
}

/**
 * Compiles the policy of one service. A route or public path that cannot be read spoils the whole policy, because
 * without it a less specific one would open its paths; a rule's template that cannot be read gives nothing.
 */
export function* compilingPolicy(service: ServiceRow, roles: Iterable<RoleRow>): Steps<CompiledPolicy | PolicyFault> {
  const routes = yield* compilingRoutes(service)
  if (typeof routes === 'string') return { fault: routes }
  const paths = growRuleTrie()
  const permissions = new Map<string, RuleTrie>()
  const numbers = new Map<string, number>()
  const isDue = everyNth(16)
  for (const { name, rules } of roles) {
    const role: NumberedRole = { number: numbers.size, name }
    numbers.set(name, role.number)
    for (const rule of [...rules].sort((a, b) => a.index - b.index)) {
      for (const { trie, methods, template } of templatesOf(rule, paths, permissions)) {
        addTemplate(trie, role, rule, methods, template)
        if (isDue()) yield
      }
    }
  }
  return {
    roles: numbers,
    routes,
    paths: paths.root,
    permissions: new Map([...permissions].map(([action, { root }]) => [action, root])),
  }
}

interface NumberedRole {
  readonly number: number
  readonly name: string
}

interface PlacedTemplate {
  readonly trie: RuleTrie
  readonly methods: number
  readonly template: Template | TemplateFault
}

function* templatesOf(
  rule: RuleRow,
  paths: RuleTrie,
  permissions: Map<string, RuleTrie>,
): Generator<PlacedTemplate, void> {
  const methods = methodMask(rule.methods ?? [])
  for (const path of rule.paths ?? []) yield { trie: paths, methods, template: parseTemplate(path) }
  for (const { action, resources } of rule.permissions ?? []) {
    const trie = permissions.get(action) ?? growRuleTrie()
    permissions.set(action, trie)
    for (const resource of resources) yield { trie, methods: ~0, template: parseResource(resource) }
  }
}

function addTemplate(
  trie: RuleTrie,
  { number, name }: NumberedRole,
  { index, when }: RuleRow,
  methods: number,
  template: Template | TemplateFault,
): void {
  if ('fault' in template) return
  const positions = when && parameterPositions(template)
  trie.add(template, { role: number, index, name: ruleName(name, index), methods, when, positions })
}

/** Joined, so that it is one flat string: one made of parts takes JSON.stringify off its fast path, line for line. */
function ruleName(role: string, index: number): string {
  return ['role/', role, '#', index].join('')
}
