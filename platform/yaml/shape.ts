import type { CST } from 'yaml'
import { YamlFault } from './fault.ts'

const tags = new Set(['!!str', '!!int', '!!float', '!!bool', '!!null', '!!map', '!!seq'])

/**
 * What a document may look like before it is composed: keys are no collections, tags are those of YAML's core schema,
 * and no more mappings, lists and entries of them than are left.
 * @param left is counted down
 * @throws YamlFault
 */
export function checkShape(document: CST.Document, left: { entries: number }): void {
  checkTags(document.start)
  const unseen: CST.Token[] = document.value ? [document.value] : []
  for (let token = unseen.pop(); token; token = unseen.pop()) {
    if (!('items' in token)) continue
    left.entries -= 1 + token.items.length
    if (left.entries < 0) throw new YamlFault(token.offset, 'too many values')
    for (const { start, key, sep, value } of token.items) {
      checkTags(start)
      if (sep) checkTags(sep)
      if (key && 'items' in key) throw new YamlFault(key.offset, 'a key is a mapping or a list')
      if (value) unseen.push(value)
    }
  }
}

function checkTags(tokens: readonly CST.SourceToken[]): void {
  for (const { type, source, offset } of tokens) {
    if (type === 'tag' && !tags.has(source)) throw new YamlFault(offset, `a tag that is none of ${[...tags].join(' ')}`)
  }
}
