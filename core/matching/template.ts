import { readSegment } from './path.ts'

/** One segment of a template. Literals are percent-decoded. */
export type TemplateSegment =
  | { readonly kind: 'literal'; readonly value: string }
  | { readonly kind: 'parameter'; readonly name: string }
  | { readonly kind: 'one' }
  | { readonly kind: 'rest' }

export interface Template {
  readonly text: string
  readonly segments: readonly TemplateSegment[]
}

/** Why a text is no template, as a sentence that says what to write instead. */
export interface TemplateFault {
  readonly fault: string
}

/** Longest template, characters; the schema says the same. */
const maxLength = 512
const parameterName = /^[A-Za-z][A-Za-z0-9_]{0,31}$/

/**
 * Reads a path template: segments that are literal, `{name}` or `*` (both take exactly one segment that is not empty)
 * or, as the last one, `**` (any rest, also none). Literals are in the normal form of paths and compared
 * percent-decoded. A trailing slash is an empty last segment and distinct from none.
 */
export function parseTemplate(text: string): Template | TemplateFault {
  if (text.length > maxLength) return { fault: `A template has at most ${maxLength} characters. Write a shorter one.` }
  if (!text.startsWith('/')) return { fault: `The template ${text} must begin with a slash. Write /${text}.` }
  return readSegments(text, text.slice(1).split('/'))
}

/**
 * Reads a resource template of a permission, for example `orders/{id}` or `**`: as a path template, without the
 * leading slash and without a trailing one.
 */
export function parseResource(text: string): Template | TemplateFault {
  if (text.length > maxLength) return { fault: `A resource has at most ${maxLength} characters. Write a shorter one.` }
  const parts = text.split('/')
  if (parts.includes(''))
    return { fault: `The resource ${text} has an empty segment. Write segments like orders/{id}.` }
  return readSegments(text, parts)
}

/** @returns the position of each `{name}` among the segments */
export function parameterPositions(template: Template): ReadonlyMap<string, number> {
  const positions = new Map<string, number>()
  template.segments.forEach((segment, index) => {
    if (segment.kind === 'parameter') positions.set(segment.name, index)
  })
  return positions
}

function readSegments(text: string, parts: readonly string[]): Template | TemplateFault {
  const segments: TemplateSegment[] = []
  // Few have one, and most of what a policy costs to compile is this.
  let names: Set<string> | undefined
  let left = parts.length
  for (const part of parts) {
    const segment = readTemplateSegment(part, --left === 0)
    if (typeof segment === 'string') return { fault: `The template ${text} cannot be used: ${segment}` }
    if (segment.kind === 'parameter') {
      names ??= new Set()
      if (names.has(segment.name)) return { fault: `The template ${text} names {${segment.name}} twice. Rename one.` }
      names.add(segment.name)
    }
    segments.push(segment)
  }
  return { text, segments }
}

function readTemplateSegment(part: string, isLast: boolean): TemplateSegment | string {
  if (part === '**') return isLast ? { kind: 'rest' } : '** stands only at the end. Write * for one segment.'
  if (part === '*') return { kind: 'one' }
  if (part.startsWith('{') && part.endsWith('}')) {
    const name = part.slice(1, -1)
    if (parameterName.test(name)) return { kind: 'parameter', name }
    return `${part} is no name. Write a letter, then letters, digits or _, at most 32 in all.`
  }
  if (part === '' && !isLast) return 'it has an empty segment. Write one slash.'
  if (part.includes('*')) return `${part} mixes * with text. A whole segment is *; a literal star is written %2A.`
  const value = readSegment(part)
  if (value === undefined)
    return `${part} is not in normal form. Do not escape plain characters; write no dot segments; {name} is a whole segment.`
  return { kind: 'literal', value }
}

/** A path in normal form as the template that matches it alone: stars escaped, hexadecimal digits in upper case. */
export function literalTemplate(path: string): string {
  return path.replaceAll('*', '%2A').replaceAll(/%[0-9a-f]{2}/gi, octet => octet.toUpperCase())
}
