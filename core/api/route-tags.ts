import { z } from 'zod'
import { attributeName } from './schema.ts'

/** What calls of a route are about: `{name}` stands for the value of the path, an empty text for a word without a value. */
export type RouteTags = Readonly<Record<string, string>>

/** As a spec holds them. A list of words is what release 0.1.0 took; it reads as words without a value. */
export type WrittenTags = RouteTags | readonly string[]

const most = { tags: 16, word: 63, value: 256 }
const names = attributeName()

/**
 * The API server must go on applying to objects that hold a list, and a schema has one type: so it has none, and the form
 * is looked at here, by whoever reads a spec.
 */
export const routeTags = () =>
  z.unknown().superRefine((value, context) => {
    const fault = tagsFault(value)
    if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
  }) as unknown as z.ZodType<WrittenTags, WrittenTags>

/** What is wrong with tags, in a sentence; the path is not looked at. */
export function tagsFault(value: unknown): string | undefined {
  if (Array.isArray(value)) return wordsFault(value)
  if (typeof value !== 'object' || value === null) return 'expected a map, as in {kind: orders, tenant: "{tenant}"}'
  const entries = Object.entries(value)
  if (entries.length > most.tags) return `at most ${most.tags} tags`
  for (const [name, text] of entries) {
    if (!names.safeParse(name).success)
      return 'names of tags have 1 to 63 characters: letters, digits, and within them also underscores, dots, slashes and dashes'
    if (typeof text !== 'string') return `the value of ${name} is no text; write it in quotes`
    if (text.length > most.value) return `the value of ${name} has more than ${most.value} characters`
    if (/[{}]/.test(text) && parameterOf(text) === undefined)
      return `the value of ${name} takes its whole value from the path, as in "{tenant}", or has no braces`
  }
  return undefined
}

function wordsFault(words: readonly unknown[]): string | undefined {
  if (words.length > most.tags) return `at most ${most.tags} tags`
  if (!words.every(word => typeof word === 'string' && word.length <= most.word))
    return `words are texts of at most ${most.word} characters; write a map, as in {kind: orders}`
  return new Set(words).size < words.length ? 'a word stands in the list twice' : undefined
}

/** @param written without faults @returns undefined when there are none */
export function tagsOf(written: WrittenTags | undefined): RouteTags | undefined {
  const entries = isWords(written) ? written.map(word => [word, ''] as const) : Object.entries(written ?? {})
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

/** A list of words, which the release after this one takes no longer. */
export function isWords(written: WrittenTags | undefined): written is readonly string[] {
  return Array.isArray(written)
}

export const wordsWarning =
  'a list is read as words without a value, in this release only; write a map, as in {kind: orders}'

/** The first tag that takes its value from the path where the path has none of that name. */
export function unknownInPath(
  tags: RouteTags,
  path: string,
): { readonly tag: string; readonly name: string } | undefined {
  const segments = path.split('/')
  for (const [tag, text] of Object.entries(tags)) {
    const name = parameterOf(text)
    if (name !== undefined && !segments.includes(text)) return { tag, name }
  }
  return undefined
}

function parameterOf(text: string): string | undefined {
  return /^\{([A-Za-z][A-Za-z0-9_]{0,31})\}$/.exec(text)?.[1]
}
