import { gunzipSync } from 'node:zlib'
import { type DocumentReaders, longestDocumentBytes } from '../../core/registry/openapi-document.ts'
import { readYaml } from '../read-yaml.ts'

/** How documents of ConfigMaps are read, everywhere. */
export const documentReaders: DocumentReaders = { read: readYaml, inflate }

function inflate(base64: string): string | undefined {
  try {
    const bytes = gunzipSync(Buffer.from(base64, 'base64'), {
      maxOutputLength: longestDocumentBytes,
      rejectGarbageAfterEnd: true,
    })
    // A byte order mark is the parser's to judge, as in text that came as it is.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined
    throw error
  }
}
