import type { RoleRule, RoleSpec } from '../../../core/api/role.ts'
import { parseResource, parseTemplate } from '../../../core/matching/template.ts'
import { withoutColons } from '../../../core/matching/template-trie.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { type Check, type FieldError, firstOf, type KindChecks } from './check.ts'

interface PlacedTemplate {
  readonly field: string
  readonly text: string
  readonly parse: typeof parseTemplate
}

const templatesAreWellFormed: Check<RoleSpec> = ({ rules }) =>
  firstOf(rules, (rule, index) =>
    firstOf(templatesOf(rule, index), ({ field, text, parse }) => {
      const parsed = parse(text)
      return 'fault' in parsed ? { field, message: parsed.fault } : undefined
    }),
  )

/** `/notes/:id` is a template, though of one path that nobody calls. */
const namesStandInBraces: Check<RoleSpec> = ({ rules }) =>
  firstOf(rules, (rule, index) =>
    firstOf(templatesOf(rule, index), ({ field, text }) => {
      const meant = withoutColons(text)
      return meant === undefined ? undefined : { field, message: `${text} is taken letter by letter; write ${meant}` }
    }),
  )

/** A value that some template of the rule does not take from the request could never be compared there. */
const comparisonsNameParameters: Check<RoleSpec> = ({ rules }) =>
  firstOf(rules, (rule, index) =>
    firstOf(rule.when ?? [], ({ attributeEquals, organizationEquals }, position) => {
      const comparison = attributeEquals ?? organizationEquals
      if (!comparison) return undefined
      const name = attributeEquals ? 'attributeEquals' : 'organizationEquals'
      const field = `spec.rules[${index}].when[${position}].${name}.param`
      return missingParameter(comparison.param, templatesOf(rule, index), field)
    }),
  )

function missingParameter(param: string, templates: readonly PlacedTemplate[], field: string): FieldError | undefined {
  const without = templates.find(({ text }) => !text.split('/').includes(`{${param}}`))
  if (!without) return undefined
  return {
    field,
    message: `names {${param}}, which ${without.field} does not have; every template of the rule needs it`,
  }
}

function templatesOf(rule: RoleRule, index: number): PlacedTemplate[] {
  const at = `spec.rules[${index}]`
  return [
    ...(rule.paths ?? []).map((text, i) => ({ field: `${at}.paths[${i}]`, text, parse: parseTemplate })),
    ...(rule.permissions ?? []).flatMap((permission, p) =>
      permission.resources.map((text, r) => ({
        field: `${at}.permissions[${p}].resources[${r}]`,
        text,
        parse: parseResource,
      })),
    ),
  ]
}

export const roleChecks: KindChecks<RoleSpec> = {
  refusals: [templatesAreWellFormed, comparisonsNameParameters],
  warnings: [namesStandInBraces],
  references: ({ rules }, { namespace }) =>
    rules.flatMap(({ services }, index) =>
      services.map((name, position) => ({
        field: `spec.rules[${index}].services[${position}]`,
        resource: resources.guardedServices,
        namespace,
        name,
      })),
    ),
}
