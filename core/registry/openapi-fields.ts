import type { Faults, Place } from './openapi-value.ts'

/** Methods that routes have, as a path item names them. */
export const methods = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options', 'query'] as const

interface Fields {
  /** All that OpenAPI 3.0, 3.1 and 3.2 have at such a place, whether it decides or not. */
  readonly known: readonly string[]
  /** Extensions of ours. */
  readonly ours?: readonly string[]
}

/**
 * Whatever else stands at these places is refused: a field that is not known may be a misspelt one, and leaving out
 * `securty` opens an operation.
 * @see OpenAPI Specification 3.2, sections 4.1 (document), 4.5 and 4.6 (server), 4.9 (path item), 4.10 (operation)
 */
const tables = {
  document: {
    known: [
      ...['openapi', '$self', 'info', 'jsonSchemaDialect', 'servers', 'paths', 'webhooks', 'components', 'security'],
      ...['tags', 'externalDocs'],
    ],
    ours: ['x-latchkey-variants'],
  },
  // TRACE and additional operations have no route: no route matches them, so they are denied.
  'path item': {
    known: ['summary', 'description', 'servers', 'parameters', ...methods, 'trace', 'additionalOperations'],
  },
  operation: {
    known: [
      ...['tags', 'summary', 'description', 'externalDocs', 'operationId', 'parameters', 'requestBody', 'responses'],
      ...['callbacks', 'deprecated', 'security', 'servers'],
    ],
    ours: ['x-latchkey-mode', 'x-latchkey-permission', 'x-latchkey-variants'],
  },
  server: { known: ['url', 'description', 'name', 'variables'] },
  'server variable': { known: ['enum', 'default', 'description'] },
} as const satisfies Record<string, Fields>

/** Tells each member of an object that OpenAPI does not have there. Extensions (`x-…`) are anybody's, ours apart. */
export function checkFields(object: object, kind: keyof typeof tables, place: Place, faults: Faults): void {
  const { known, ours = [] }: Fields = tables[kind]
  const taken = new Set([...known, ...ours])
  for (const name of Object.keys(object)) {
    if (taken.has(name)) continue
    const isOurs = /^x-latchkey-/i.test(name)
    if (!isOurs && name.startsWith('x-')) continue
    const meant = [...taken].find(one => one.toLowerCase() === name.toLowerCase())
    const what = `no ${isOurs ? 'extension of ours in' : 'field of'} ${articled(kind)}`
    faults.add([...place, name], `${what}; ${meant === undefined ? 'correct or remove it' : `write ${meant}`}`)
    if (faults.isFull()) return
  }
}

function articled(kind: string): string {
  return kind === 'operation' ? `an ${kind}` : `a ${kind}`
}
