import { methodMask } from '../base/methods.ts'
import { parseTemplate, type TemplateSegment } from '../matching/template.ts'
import type { RouteRow } from '../rows/rows.ts'

/**
 * The declared routes that a path rule opens besides the one it is for: a rule's `{id}` also takes the word in the
 * place of another route's. Routes with a permission are opened by no path rule.
 * @returns their names
 */
export function routesOpened(path: string, methods: readonly string[], routes: readonly RouteRow[]): string[] {
  const opened = parseTemplate(path)
  if ('fault' in opened) return []
  const mask = methodMask(methods)
  return routes.flatMap(route => {
    const template = parseTemplate(route.path)
    if ('fault' in template || route.path === path || route.permission) return []
    return (methodMask(route.methods) & mask) !== 0 && overlap(opened.segments, template.segments) ? [route.name] : []
  })
}

/** Whether some path matches both. */
function overlap(a: readonly TemplateSegment[], b: readonly TemplateSegment[]): boolean {
  for (let at = 0; ; at++) {
    const left = a[at]
    const right = b[at]
    if (left?.kind === 'rest' || right?.kind === 'rest') return true
    if (!left || !right) return left === right
    if (!meet(left, right)) return false
  }
}

function meet(left: TemplateSegment, right: TemplateSegment): boolean {
  if (left.kind === 'literal' && right.kind === 'literal') return left.value === right.value
  const literal = left.kind === 'literal' ? left : right.kind === 'literal' ? right : undefined
  return literal?.value !== ''
}
