import type { GuardedService } from '../api/guarded-service.ts'
import type { RouteRow } from '../rows/rows.ts'
import { type DocumentFault, inspectDocument } from './inspect-document.ts'
import type { ConfigMapObject } from './kubernetes.ts'

/** No document may be longer, as text. A ConfigMap holds 1 MiB: what is longer comes compressed. */
export const longestDocumentBytes = 2 * 1024 * 1024

/** A document as its ConfigMap holds it. */
export type DocumentContent =
  | { readonly text: string }
  /** Base64, as `binaryData` has it. */
  | { readonly gzip: string }

/** What one reading of a document gave: routes, or what is wrong with it. */
export type DocumentReading = { readonly routes: readonly RouteRow[] } | { readonly fault: DocumentFault }

/** What is known of the document that a GuardedService names. */
export interface OpenApiSource {
  /** Of the last document that was good; it may be an earlier one than the service names now. */
  readonly routes?: readonly RouteRow[]
  /** Why the document that is named now gives no routes. */
  readonly fault?: DocumentFault
}

/** What a reader makes of a text: its value, or where it is wrong, without anything of the text. */
export type ReadText = (text: string) => { readonly value: unknown } | { readonly fault: string }

/** What core cannot do by itself. */
export interface DocumentReaders {
  /** The one reader of YAML and JSON, with bounds on their sizes. */
  readonly read: ReadText
  /** Inflates within `longestDocumentBytes` to text; undefined when it is longer. @throws Error when it is no gzip */
  readonly inflate: (base64: string) => string | undefined
}

/**
 * Takes the document out of its ConfigMap.
 * @param configMap as fetched now; undefined when there is none
 */
export function contentOf(
  service: GuardedService,
  configMap: ConfigMapObject | undefined,
): DocumentContent | { readonly fault: DocumentFault } {
  const { name, key = 'openapi.yaml' } = service.spec.openapi?.configMapRef ?? { name: '' }
  if (!configMap) {
    return notFound(`There is no ConfigMap ${name} in namespace ${service.metadata.namespace}. Create it.`)
  }
  const text = configMap.data?.[key]
  if (text !== undefined) return { text }
  const binary = configMap.binaryData?.[key]
  return binary === undefined ? notFound(`The ConfigMap ${name} has no key ${key}. Add it.`) : { gzip: binary }
}

/** Reads a document to routes. @param service name of the GuardedService */
export function readContent(content: DocumentContent, service: string, readers: DocumentReaders): DocumentReading {
  let text: string | undefined
  try {
    text = 'text' in content ? content.text : readers.inflate(content.gzip)
  } catch {
    return invalid('What binaryData holds is not gzip. Compress the document with gzip, or put it into data.')
  }
  if (text === undefined || Buffer.byteLength(text) > longestDocumentBytes) {
    return invalid(
      'The document is longer than 2 MiB. Leave out schemas, examples and descriptions: routes are made of paths, security and servers.',
    )
  }
  const found = readers.read(text)
  return 'value' in found
    ? inspectDocument(found.value, service)
    : invalid(`The document cannot be read: ${found.fault}.`)
}

/** Both at once, where the ConfigMap is at hand. */
export function readOpenApi(
  service: GuardedService,
  configMap: ConfigMapObject | undefined,
  readers: DocumentReaders,
): OpenApiSource {
  const content = contentOf(service, configMap)
  return 'fault' in content ? content : readContent(content, service.metadata.name, readers)
}

function notFound(message: string): { fault: DocumentFault } {
  return { fault: { reason: 'OpenApiNotFound', message } }
}

function invalid(message: string): { fault: DocumentFault } {
  return { fault: { reason: 'OpenApiInvalid', message } }
}
