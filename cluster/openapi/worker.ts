import { canonicalJson } from '../../core/base/canonical-json.ts'
import {
  type DocumentContent,
  type DocumentReaders,
  type ReadText,
  readContent,
} from '../../core/registry/openapi-document.ts'
import { documentReaders } from '../../platform/openapi/document-readers.ts'
import { answerOrders } from '../../platform/thread/answer-orders.ts'
import type { Read, ReadingOrder } from './reading-thread.ts'

// No GuardedService can have this name: what comes out the same with it belongs to no name.
const nobody = '-'

// Started by reading-thread.ts: one document in, its routes as one text out, so that the other side parses and no more.
answerOrders(({ content, service }: ReadingOrder): Read => answer(content, service))

function answer(content: DocumentContent, service: string): Read {
  let found: ReturnType<ReadText> | undefined
  const once: DocumentReaders = {
    inflate: documentReaders.inflate,
    read(text) {
      found = documentReaders.read(text)
      return found
    },
  }
  const told = textOf(readContent(content, service, once))
  // The text was read: only the routes are made once more, with another name.
  const value = found
  const ofAll =
    value === undefined || told === textOf(readContent({ text: '' }, nobody, { ...once, read: () => value }))
  return { reading: told, ofAll }
}

function textOf(reading: ReturnType<typeof readContent>): string {
  return canonicalJson(reading)
}
