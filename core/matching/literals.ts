/** What goes on below one place by literals. Most places have one: it needs no map. */
export interface Literals<Node> {
  /** The only literal, and where it goes to; `literals` has them where there are several. */
  literal: string | undefined
  next: Node | undefined
  literals: Map<string, Node> | undefined
}

/** The node below a literal, made where there is none yet. Matching looks by itself: one more call would cost it too much. */
export function growLiteral<Node>(node: Literals<Node>, value: string, make: () => Node): Node {
  const known = node.literals ? node.literals.get(value) : node.literal === value ? node.next : undefined
  if (known) return known
  const fresh = make()
  if (node.literals) node.literals.set(value, fresh)
  else if (node.literal !== undefined && node.next) {
    node.literals = new Map([
      [node.literal, node.next],
      [value, fresh],
    ])
    node.literal = undefined
    node.next = undefined
  } else {
    node.literal = value
    node.next = fresh
  }
  return fresh
}
