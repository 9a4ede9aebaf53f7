import { parser } from '@prometheus-io/lezer-promql'

/** What an expression reads. */
export interface Selection {
  readonly metric: string
  /** Labels it matches by. */
  readonly matched: readonly string[]
}

/** @throws Error when it is no PromQL */
export function readPromql(expression: string): { readonly selections: Selection[]; readonly grouped: string[] } {
  const selections: { metric: string; matched: string[] }[] = []
  const grouped: string[] = []
  parser.parse(expression).iterate({
    enter({ name, from, to, node }) {
      const text = expression.slice(from, to)
      if (name === '\u26a0') throw new Error(`no PromQL at ${from}: ${expression}`)
      if (name === 'VectorSelector') selections.push({ metric: text.split('{', 1)[0]?.trim() ?? '', matched: [] })
      if (name !== 'LabelName') return
      if (node.parent?.name === 'GroupingLabels') grouped.push(text)
      else selections.at(-1)?.matched.push(text)
    },
  })
  return { selections, grouped }
}
