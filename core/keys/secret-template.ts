import { isRecord } from '../base/is-record.ts'

type Texts = Readonly<Record<string, string>>

interface Marks {
  readonly labels?: Texts | undefined
  readonly annotations?: Texts | undefined
}

/** The annotation with the names of the labels and annotations that a template put on the Secret. */
export const templateNames = 'latchkey.dev/secret-template'

/**
 * Labels and annotations with what a template has, beside those of others. What it put there before and has no more is taken
 * away: an annotation that has the Secret copied elsewhere must not go on copying keys.
 * @param previous as they are now
 */
export function withTemplate({ labels = {}, annotations = {} }: Marks, previous: Marks = {}): Required<Marks> {
  const put = namesIn(previous.annotations?.[templateNames])
  const names = { labels: Object.keys(labels).sort(), annotations: Object.keys(annotations).sort() }
  const isEmpty = names.labels.length + names.annotations.length === 0
  return {
    labels: { ...without(previous.labels, put.labels), ...labels },
    annotations: {
      ...without(previous.annotations, [...put.annotations, templateNames]),
      ...annotations,
      ...(!isEmpty && { [templateNames]: JSON.stringify(names) }),
    },
  }
}

function without(texts: Texts = {}, names: readonly string[]): Texts {
  return Object.fromEntries(Object.entries(texts).filter(([name]) => !names.includes(name)))
}

/** What somebody wrote there that is no list of names puts nothing away. */
function namesIn(text: string | undefined): {
  readonly labels: readonly string[]
  readonly annotations: readonly string[]
} {
  const found = read(text)
  return { labels: textsIn(found.labels), annotations: textsIn(found.annotations) }
}

function read(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const found: unknown = JSON.parse(text ?? '{}')
    return isRecord(found) ? found : {}
  } catch {
    return {}
  }
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter(one => typeof one === 'string') : []
}
