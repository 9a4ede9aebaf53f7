import { Composer, type CST, type Document, Lexer, Parser } from 'yaml'
import { sentenceOf, YamlFault } from './fault.ts'
import { checkShape } from './shape.ts'

export interface ComposeLimits {
  /** Levels of mappings and lists within each other. */
  readonly depth: number
  /** Values and keys as written. */
  readonly nodes: number
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
  const left = { nodes: limits.nodes }
  for (const token of tokensOf(text, limits.depth, onNewLine)) {
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

function* tokensOf(text: string, depth: number, onNewLine: (offset: number) => void): Generator<CST.Token> {
  const parser = new Parser(onNewLine)
  // Beside the collections a document and a scalar may lie on the stack; how deep the values are is counted exactly later.
  const highest = depth + 3
  onNewLine(0)
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme)
    if (parser.stack.length > highest) throw new YamlFault(parser.offset, `more than ${depth} levels within each other`)
  }
  yield* parser.end()
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
