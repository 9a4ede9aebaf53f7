import type { z } from 'zod'

/** One `x-kubernetes-validations` entry: a CEL rule and the sentence a user reads when it fails. */
export interface CelRule {
  readonly rule: string
  readonly message: string
  readonly fieldPath?: string
  readonly optionalOldSelf?: boolean
}

/** A text must not contain a match of this, and the sentence that says what to write instead. */
interface Wrong {
  readonly pattern: string
  readonly message: string
}

/**
 * A path template in sentences: together the same as its pattern, which nobody can read. Each is short, for the API server
 * reckons with a Role of 4,096 paths of full length.
 */
export const wrongInPaths: readonly Wrong[] = [
  { pattern: '^([^/]|$)', message: 'a path begins with a slash, as in /orders/{id}' },
  {
    pattern: "[^\\w.~!$&'()+,=:@%/{}*-]",
    message: 'a path has no query, no fragment and no space; another character is written as %XX of its UTF-8 bytes',
  },
  { pattern: '//', message: 'a path has no empty segment: write one slash' },
  {
    pattern: '[^/*]\\*|\\*[^/*]|\\*\\*.',
    message: '* takes one whole segment, as in /orders/*; ** takes the rest and stands at the end, as in /orders/**',
  },
  { pattern: '[^/]\\{|\\}[^/]|\\{\\w*$|/[^{/]*\\}', message: 'a name in braces takes one whole segment: /orders/{id}' },
  {
    pattern: '\\{[^a-zA-Z]|\\{\\w*[^\\w}]|\\{\\w{33}',
    message: 'a name in braces begins with a letter, and has letters, digits and underscores, 32 at most: {order_id}',
  },
  { pattern: '%([^2-9A-F]|.?$|.[^\\dA-F])', message: 'an escape is % and two hexadecimal digits, upper case: %C3%A9' },
]

/** Pattern → sentence, for whoever checks the pattern. */
const sentences = new Map<string, string>()

/** What to write instead of what does not match the pattern, as the API server says it. */
export function sentenceFor(pattern: string): string | undefined {
  return sentences.get(pattern)
}

/** The API server says the sentence where it would show the pattern; whoever reads without one still checks the pattern. */
export function worded<T extends z.ZodString>(schema: T, message: string): T {
  const { pattern = '' } = schema.toJSONSchema() as { pattern?: string }
  sentences.set(`/${pattern}/`, message)
  return withRules(schema, [{ rule: `self.matches(r"${pattern}")`, message }])
}

/** The same with a sentence for each way to be wrong. */
export function wordedEach<T extends z.ZodString>(schema: T, wrong: readonly Wrong[]): T {
  return withRules(
    schema,
    wrong.map(({ pattern, message }) => ({ rule: `!self.matches(r"${pattern}")`, message })),
  )
}

function withRules<T extends z.ZodString>(schema: T, rules: readonly CelRule[]): T {
  return schema.meta({ 'x-kubernetes-validations': rules }) as T
}
