import { getIndex, headIndex, methodIndex } from '../base/methods.ts'
import { everyNth, type Steps } from '../base/steps.ts'
import { growLiteral, type Literals } from './literals.ts'
import type { TemplateSegment } from './template.ts'

/** One slot per method. */
type Slots<E> = (E | undefined)[]

/** Routes by their segments. */
export interface RouteNode<E> extends Literals<RouteNode<E>> {
  named: RouteNode<E> | undefined
  one: RouteNode<E> | undefined
  here: Slots<E> | undefined
  rest: Slots<E> | undefined
}

/** What stands where, for which methods. */
export interface Placed<E> {
  readonly segments: readonly TemplateSegment[]
  readonly methods: readonly string[]
  readonly endpoint: E
}

/**
 * The first to come keeps a slot: public paths before routes of the same shape, methods that are written before the
 * `HEAD` that follows from `GET`.
 */
export function* buildingRoutes<E>(entries: readonly Placed<E>[]): Steps<RouteNode<E>> {
  const root = emptyNode<E>()
  const isDue = everyNth(16)
  const follows: Slots<E>[] = []
  for (const { segments, methods, endpoint } of entries) {
    const slots = place(root, segments)
    for (const method of methods) slots[methodIndex(method)] ??= endpoint
    if (methods.includes('GET')) follows.push(slots)
    if (isDue()) yield
  }
  for (const slots of follows) slots[headIndex] ??= slots[getIndex]
  return root
}

/** Edges in the order of specificity, so that the first find is the most specific. `{name}` and `*` need a text. */
export function findRoute<E>(
  node: RouteNode<E>,
  segments: readonly string[],
  at: number,
  method: number,
): E | undefined {
  const segment = segments[at]
  if (segment === undefined) return node.here?.[method] ?? node.rest?.[method]
  const literal = node.literals ? node.literals.get(segment) : node.literal === segment ? node.next : undefined
  const found = literal && findRoute(literal, segments, at + 1, method)
  if (found) return found
  if (segment !== '') {
    const named = node.named && findRoute(node.named, segments, at + 1, method)
    if (named) return named
    const one = node.one && findRoute(node.one, segments, at + 1, method)
    if (one) return one
  }
  return node.rest?.[method]
}

function emptyNode<E>(): RouteNode<E> {
  return {
    literal: undefined,
    next: undefined,
    literals: undefined,
    named: undefined,
    one: undefined,
    here: undefined,
    rest: undefined,
  }
}

function place<E>(root: RouteNode<E>, segments: readonly TemplateSegment[]): Slots<E> {
  let node = root
  for (const segment of segments) {
    if (segment.kind === 'rest') {
      node.rest ??= []
      return node.rest
    }
    node = below(node, segment)
  }
  node.here ??= []
  return node.here
}

function below<E>(node: RouteNode<E>, segment: Exclude<TemplateSegment, { kind: 'rest' }>): RouteNode<E> {
  switch (segment.kind) {
    case 'literal':
      return growLiteral(node, segment.value, emptyNode<E>)
    case 'parameter':
      node.named ??= emptyNode()
      return node.named
    case 'one':
      node.one ??= emptyNode()
      return node.one
  }
}
