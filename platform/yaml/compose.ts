import { Composer, type CST, type Document, Lexer, Parser } from 'yaml'
import { sentenceOf, YamlFault } from './fault.ts'
import { checkShape } from './shape.ts'

export interface ComposeLimits {
  /** Levels of mappings and lists within each other. */
  readonly depth: number
  /** Entries of mappings and lists as written, with one more for each of these and each alias. */
  readonly entries: number
}

type Source = Parameters<Extract<Composer['next'], (token: CST.Token) => unknown>>[0] | number | readonly number[]

/**
 * Composes the documents of a text, token by token, and ends at the first thing that is wrong. The parser's own time is
 * linear in the text only when keys are no collections (it looks through a key again at each level), when it does not
 * compare each key with all before it, and when it makes no error with a stack for each of a million commas: therefore
 * the shape is checked before a document is composed, doubled keys are found by whoever takes the values, and the first
 * error is the last.
 * @throws YamlFault
 */
export function* composeDocuments(
  text: string,
  limits: ComposeLimits,
  onNewLine: (offset: number) => void,
): Generator<Document.Parsed> {
  const composer = createComposer()
  const left = { entries: limits.entries }
  for (const token of tokensOf(text, limits, onNewLine)) {
    if (token.type === 'error') throw new YamlFault(token.offset, sentenceOf('UNEXPECTED_TOKEN'))
    if (token.type === 'directive' && !/^%YAML[ \t]+1\.2[ \t]*$/.test(token.source)) {
      throw new YamlFault(token.offset, sentenceOf('BAD_DIRECTIVE'))
    }
    if (token.type === 'document') checkShape(token, left)
    for (const document of composer.next(token)) yield checked(document)
  }
  for (const document of composer.end()) yield checked(document)
  checked(composer.streamInfo())
}

/** For each entry that a text may have: words, signs, spaces and line ends. Documents as people write them have five, a mapping of texts eight. */
export const lexemesPerEntry = 8

function* tokensOf(text: string, limits: ComposeLimits, onNewLine: (offset: number) => void): Generator<CST.Token> {
  const parser = new Parser(onNewLine)
  // Beside the collections a document and a scalar may lie on the stack; how deep the values are is counted exactly later.
  const highest = limits.depth + 3
  const left = { lexemes: limits.entries * lexemesPerEntry, entries: limits.entries }
  const entriesOf = createEntryCount()
  onNewLine(0)
  for (const lexeme of new Lexer().lex(text)) {
    // A token holds many times the memory of its text, and the parser holds all of them before anybody could count.
    if (--left.lexemes < 0) throw new YamlFault(parser.offset, 'too many words, signs and line ends')
    left.entries = Math.min(limits.entries, left.entries - entriesOf(lexeme))
    if (left.entries < 0) throw new YamlFault(parser.offset, 'too many values')
    yield* parser.next(lexeme)
    if (parser.stack.length > highest)
      throw new YamlFault(parser.offset, `more than ${limits.depth} levels within each other`)
  }
  yield* parser.end()
}

/** Comes from the lexer before a plain or block scalar. */
const scalarMark = '\x1f'

/**
 * The least that the document will be found to have, lexeme by lexeme: what is before a colon and what follows are one
 * entry, and so are a dash and its value.
 */
function createEntryCount(): (lexeme: string) => number {
  let isScalar = false
  let isAwaited = false
  return lexeme => {
    const isText = isScalar
    isScalar = lexeme === scalarMark
    if (isText) return 0
    if (lexeme === ':') return -1
    if (lexeme === '-' || lexeme === '?') {
      isAwaited = true
      return 1
    }
    const isBracket = lexeme === '[' || lexeme === '{'
    if (!isBracket && !isScalar && !/^["'*]/.test(lexeme)) return 0
    const entries = (isBracket ? 2 : 1) - (isAwaited ? 1 : 0)
    isAwaited = false
    return entries
  }
}

function createComposer(): Composer {
  const composer = new Composer({ version: '1.2', schema: 'core', merge: false, strict: true, uniqueKeys: false })
  let first: YamlFault | undefined
  // Its own handler collects errors, with a stack each. What it throws is caught within and told to it again.
  const onError = (source: Source, code: Parameters<typeof sentenceOf>[0]): never => {
    first ??= new YamlFault(offsetOf(source), sentenceOf(code))
    throw first
  }
  return Object.assign(composer, { onError })
}

function offsetOf(source: Source): number {
  if (typeof source === 'number') return source
  return 'offset' in source ? source.offset : (source[0] ?? 0)
}

function checked<T extends Pick<Document.Parsed, 'errors' | 'warnings'>>(composed: T): T {
  const [error] = [...composed.errors, ...composed.warnings]
  if (error) throw new YamlFault(error.pos[0], sentenceOf(error.code))
  return composed
}
