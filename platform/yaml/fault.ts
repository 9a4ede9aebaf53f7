import type { ErrorCode } from 'yaml'

/** Ends the reading of one text: where, and what is wrong, without anything of the text. */
export class YamlFault extends Error {
  readonly offset: number

  constructor(offset: number, what: string) {
    super(what)
    this.name = 'YamlFault'
    this.offset = offset
  }
}

/** What the parser's messages say too, but they quote the text. */
const sentences: Partial<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias takes no anchor and no tag',
  BAD_ALIAS: 'an anchor or alias has no name, or a name that ends in a colon',
  BAD_COLLECTION_TYPE: 'the tag does not fit what follows',
  BAD_DIRECTIVE: 'directives are not read, %YAML 1.2 apart',
  BAD_DQ_ESCAPE: 'there is no such escape in a text in double quotes',
  BAD_INDENT: 'the indentation does not fit, or a bracket is not closed',
  BAD_PROP_ORDER: 'an anchor or tag stands before - or ? instead of after it',
  BAD_SCALAR_START: 'a text that begins with this character needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a mapping or list begins in the middle of a line',
  BLOCK_IN_FLOW: 'within brackets there are only brackets',
  KEY_OVER_1024_CHARS: 'a key of more than 1024 characters needs ? before it',
  MISSING_CHAR: 'a colon, comma, space, quote or bracket is missing',
  MULTILINE_IMPLICIT_KEY: 'a key has to stand on one line, followed by a colon',
  MULTIPLE_ANCHORS: 'a value has two anchors',
  MULTIPLE_TAGS: 'a value has two tags',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
  TAB_AS_INDENT: 'a tab cannot indent; write spaces',
  TAG_RESOLVE_FAILED: 'the tag does not fit what follows',
  UNEXPECTED_TOKEN: 'nothing of this kind can stand here',
}

export function sentenceOf(code: ErrorCode): string {
  return sentences[code] ?? 'this is not YAML'
}
