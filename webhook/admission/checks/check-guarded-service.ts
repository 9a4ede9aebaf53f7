import type { GuardedServiceSpec } from '../../../core/api/guarded-service.ts'
import { isWords, tagsOf, unknownInPath, wordsWarning } from '../../../core/api/route-tags.ts'
import { findRouteConflict } from '../../../core/matching/route-conflicts.ts'
import { parseResource, parseTemplate } from '../../../core/matching/template.ts'
import { withoutColons } from '../../../core/matching/template-trie.ts'
import { isChosenAudience } from '../../../core/registry/audience.ts'
import { exposedTold } from '../../../core/status/exposed-pods.ts'
import { services } from '../../../platform/kube/resources.ts'
import { type Check, firstOf, type KindChecks } from './check.ts'

const templatesOf = (spec: GuardedServiceSpec) => [
  ...(spec.public ?? []).map(({ path }, index) => ({ field: `spec.public[${index}].path`, path })),
  ...(spec.routes ?? []).map(({ path }, index) => ({ field: `spec.routes[${index}].path`, path })),
]

const templatesAreWellFormed: Check<GuardedServiceSpec> = spec =>
  firstOf(templatesOf(spec), ({ field, path }) => {
    const parsed = parseTemplate(path)
    return 'fault' in parsed ? { field, message: parsed.fault } : undefined
  })

/** `/notes/:id` is a template, though of one path that nobody calls. */
const namesStandInBraces: Check<GuardedServiceSpec> = spec =>
  firstOf(templatesOf(spec), ({ field, path }) => {
    const meant = withoutColons(path)
    return meant === undefined ? undefined : { field, message: `${path} is taken letter by letter; write ${meant}` }
  })

const permissionsTakeFromThePath: Check<GuardedServiceSpec> = ({ routes }) =>
  firstOf(routes ?? [], ({ path, permission }, index) => {
    if (!permission) return undefined
    const field = `spec.routes[${index}].permission.resource`
    const parsed = parseResource(permission.resource)
    if ('fault' in parsed) return { field, message: parsed.fault }
    const names = parsed.segments.flatMap(segment => (segment.kind === 'parameter' ? [segment.name] : []))
    const unknown = names.find(name => !path.split('/').includes(`{${name}}`))
    return unknown === undefined
      ? undefined
      : { field, message: `names {${unknown}}, which the path ${path} does not have; add it there or write a literal` }
  })

const tagsTakeFromThePath: Check<GuardedServiceSpec> = ({ routes }) =>
  firstOf(routes ?? [], ({ path, tags }, index) => {
    const unknown = unknownInPath(tagsOf(tags) ?? {}, path)
    if (!unknown) return undefined
    const field = `spec.routes[${index}].tags.${unknown.tag}`
    return {
      field,
      message: `names {${unknown.name}}, which the path ${path} does not have; add it there or write a text`,
    }
  })

const tagsAreAMap: Check<GuardedServiceSpec> = ({ routes }) =>
  firstOf(routes ?? [], ({ tags }, index) =>
    isWords(tags) ? { field: `spec.routes[${index}].tags`, message: wordsWarning } : undefined,
  )

const routesDiffer: Check<GuardedServiceSpec> = ({ routes }) => {
  const conflict = findRouteConflict(routes ?? [])
  if (!conflict) return undefined
  const [a, b] = [conflict.a, conflict.b].map(name => `${name} (${routes?.find(route => route.name === name)?.path})`)
  return {
    field: 'spec.routes',
    message: `the routes ${a} and ${b} match the same requests equally well; change the path or the methods of one`,
  }
}

const publicPathsDiffer: Check<GuardedServiceSpec> = spec => {
  const seen = new Map<string, number>()
  return firstOf(spec.public ?? [], ({ path, methods = ['GET', 'HEAD'] }, index) => {
    for (const method of methods) {
      const first = seen.get(`${method} ${path}`)
      const message = `repeats ${method} ${path} of spec.public[${first}]; remove one`
      if (first !== undefined) return { field: `spec.public[${index}]`, message }
      seen.set(`${method} ${path}`, index)
    }
    return undefined
  })
}

/** Pods that run leave the Service when this is applied: nobody may learn that from failing calls. */
const refusedPodsAreTold: Check<GuardedServiceSpec> = ({ directAccess = 'Refuse' }, { told }) => {
  const pods = directAccess === 'Refuse' ? exposedTold(told) : undefined
  if (pods === undefined) return undefined
  return {
    field: 'spec.directAccess',
    message: `Refuse keeps pods whose app listens beyond loopback out of the Service at once: ${pods}. Set Report until the condition Enforced names none`,
  }
}

export const guardedServiceChecks: KindChecks<GuardedServiceSpec> = {
  refusals: [templatesAreWellFormed, permissionsTakeFromThePath, tagsTakeFromThePath, routesDiffer, publicPathsDiffer],
  warnings: [refusedPodsAreTold, namesStandInBraces, tagsAreAMap],
  references: ({ targetRef: { name, port } }, { namespace }) => [
    { field: 'spec.targetRef', resource: services, namespace, name, port },
  ],
  audience: ({ audience }) => (audience !== undefined && isChosenAudience(audience) ? audience : undefined),
}
