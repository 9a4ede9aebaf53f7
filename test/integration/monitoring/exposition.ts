/** One metric as a process exposes it, or as docs/metrics.md has it. */
export interface Metric {
  readonly type: string
  /** Label names, sorted; of what is exposed only those that some sample has. */
  readonly labels: readonly string[]
}

/** Reads the text format: every metric, also one without a sample yet. */
export function readExposition(text: string): Map<string, Metric> {
  const types = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']) => [name, type]))
  const labels = new Map<string, Set<string>>()
  for (const [, sample = '', pairs = ''] of text.matchAll(/^([a-z0-9_]+)\{(.*)\} \S+$/gm)) {
    const name = types.has(sample) ? sample : sample.replace(/_(bucket|sum|count)$/, '')
    const known = labels.get(name) ?? new Set()
    for (const [, label = ''] of pairs.matchAll(/([a-z_]+)="/g))
      if (label !== 'le' && label !== 'quantile') known.add(label)
    labels.set(name, known)
  }
  return new Map([...types].map(([name, type]) => [name, { type, labels: [...(labels.get(name) ?? [])].sort() }]))
}

/** The tables of docs/metrics.md, by heading: name, type, labels. */
export function readPage(page: string): Map<string, Map<string, Metric>> {
  const sections = page.split(/^## /m).slice(1)
  return new Map(
    sections.map(section => {
      const rows = [...section.matchAll(/^\| `([a-z0-9_]+)` \| (\w+) \|([^|]*)\|/gm)]
      const metrics = rows.map(([, name = '', type = '', labels = '']) => {
        const names = [...labels.matchAll(/`([a-z_]+)`/g)].map(([, label = '']) => label)
        return [name, { type, labels: names.sort() }] as const
      })
      return [section.split('\n', 1)[0] ?? '', new Map(metrics)]
    }),
  )
}
