import { describe, expect, it } from 'vitest'
import { openApiRoutes } from '../../../../core/registry/openapi-routes.ts'
import { readYaml } from '../../../../platform/read-yaml.ts'

const header = `openapi: 3.1.0
components: {securitySchemes: {oauth: {type: oauth2}, other: {$ref: '#/components/securitySchemes/oauth'}}}
`
const remove = 'operationId: remove, security: [{oauth: [orders:delete]}]'

function routesOf(text: string) {
  const read = readYaml(header + text)
  if ('fault' in read) return read.fault
  const found = openApiRoutes(read.value, 'orders')
  return 'fault' in found ? found.fault : found.routes
}
const permitted = [{ name: 'remove', permission: { action: 'delete', resource: 'orders' } }]

describe('an operation that is written elsewhere keeps its permission (S09)', () => {
  it.each([
    ['by a reference', `x-ops: {remove: {${remove}}}\npaths: {/a: {delete: {$ref: '#/x-ops/remove'}}}`],
    [
      'by a reference to a reference',
      `x-ops: {one: {$ref: '#/x-ops/two'}, two: {${remove}}}\npaths: {/a: {delete: {$ref: '#/x-ops/one'}}}`,
    ],
    [
      'by a reference to another path',
      `paths: {/a: {delete: {$ref: '#/paths/~1b~1%7Bid%7D/delete'}}, '/b/{id}': {delete: {${remove}}}}`,
    ],
    ['by a reference of its path', `x-paths: {a: {delete: {${remove}}}}\npaths: {/a: {$ref: '#/x-paths/a'}}`],
    [
      'by a reference of its path, with another method beside it',
      `x-paths: {a: {delete: {${remove}}}}\npaths: {/a: {$ref: '#/x-paths/a', trace: {}}}`,
    ],
    ['by a reference of all paths', `x-all: {/a: {delete: {${remove}}}}\npaths: {$ref: '#/x-all'}`],
    ['by a merge key', `x-remove: &remove {${remove}}\npaths:\n  /a:\n    delete:\n      <<: *remove\n`],
    ['by a merge key of its path', `x-a: &a {delete: {${remove}}}\npaths:\n  /a:\n    <<: *a\n    summary: x\n`],
    ['by a merge key of all paths', `x-all: &all {/a: {delete: {${remove}}}}\npaths:\n  <<: *all\n`],
    ['by an alias', `x-remove: &remove {${remove}}\npaths: {/a: {delete: *remove}}`],
    [
      'with security by a reference',
      `x-sec: [{oauth: [orders:delete]}]\npaths: {/a: {delete: {operationId: remove, security: {$ref: '#/x-sec'}}}}`,
    ],
    [
      'with a requirement by a reference',
      `x-sec: {oauth: [orders:delete]}\npaths: {/a: {delete: {operationId: remove, security: [{$ref: '#/x-sec'}]}}}`,
    ],
    [
      'with security beside a reference',
      "x-op: {operationId: remove}\npaths: {/a: {delete: {$ref: '#/x-op', security: [{oauth: [orders:delete]}]}}}",
    ],
    [
      'with the security of the document by an alias',
      'x-s: &s [{oauth: [orders:delete]}]\nsecurity: *s\npaths: {/a: {delete: {operationId: remove}}}',
    ],
    [
      'with a scheme that is a reference',
      'paths: {/a: {delete: {operationId: remove, security: [{other: [orders:delete]}]}}}',
    ],
  ])('%s', (_how, text) => {
    expect(routesOf(text).slice(0, 1)).toMatchObject(permitted)
  })

  it('659 times in one document', () => {
    const paths = Array.from(
      { length: 659 },
      (_, at) => `  /r${at}/{id}:\n    delete: {$ref: '#/x-ops/remove-${at}'}\n`,
    )
    const operations = Array.from(
      { length: 659 },
      (_, at) => `  remove-${at}: {security: [{oauth: ["r${at}:delete"]}]}\n`,
    )
    const routes = routesOf(`paths:\n${paths.join('')}x-ops:\n${operations.join('')}`)
    expect(routes).toHaveLength(659)
    expect(routes).toEqual(
      Array.from({ length: 659 }, (_, at) =>
        expect.objectContaining({ methods: ['DELETE'], permission: { action: 'delete', resource: `r${at}` } }),
      ),
    )
  })
})

describe('what is not understood where something is decided refuses the document, with its place (S09)', () => {
  const path = (item: string) => `paths: {/a: ${item}}`
  const operation = (members: string) => path(`{get: {${members}}}`)
  it.each([
    [
      'a misspelt member of an operation',
      operation('securtiy: [{oauth: [a:b]}]'),
      'At paths./a.get.securtiy: no field of a operation',
    ],
    [
      'a member in other letters',
      operation('Security: [{oauth: [a:b]}]'),
      'At paths./a.get.Security: no field of a operation; write security',
    ],
    ['a member of another place', path('{security: [], get: {}}'), 'At paths./a.security: no field of a path item'],
    ['a method in capitals', path('{GET: {}}'), 'At paths./a.GET: no field of a path item; write get'],
    [
      'a method that routes do not have',
      path('{connect: {}, get: {}}'),
      'At paths./a.connect: no field of a path item',
    ],
    [
      'a member of the document in other letters',
      'Security: []\npaths: {/a: {get: {}}}',
      'At Security: no field of a document; write security',
    ],
    ['a member of an older version', 'basePath: /v1\npaths: {/a: {get: {}}}', 'At basePath: no field of a document'],
    ['security that is null', operation('security: null'), 'At paths./a.get.security: expected a list'],
    ['security that is an object', operation('security: {}'), 'At paths./a.get.security: expected a list'],
    ['security of a scheme alone', operation('security: {oauth: [a:b]}'), 'At paths./a.get.security: expected a list'],
    ['security of the document that is null', 'security: null\npaths: {/a: {get: {}}}', 'At security: expected a list'],
    ['a requirement that is a text', operation('security: [oauth]'), 'At paths./a.get.security.0: expected an object'],
    ['a requirement that is null', operation('security: [null]'), 'At paths./a.get.security.0: expected an object'],
    [
      'scopes that are null',
      operation('security: [{oauth: null}]'),
      'At paths./a.get.security.0.oauth: expected a list of scopes',
    ],
    [
      'scopes that are a text',
      operation('security: [{oauth: a:b}]'),
      'At paths./a.get.security.0.oauth: expected a list of scopes',
    ],
    [
      'scopes that are no texts',
      operation('security: [{oauth: [1]}]'),
      'At paths./a.get.security.0.oauth: expected a list of scopes',
    ],
    [
      'a scheme that is not declared',
      operation('security: [{oath: [a:b]}]'),
      'At paths./a.get.security.0.oath: no scheme of that name is declared',
    ],
    ['an operation that is null', path('{get: null}'), 'At paths./a.get: expected an object'],
    ['an operation that is a list', path('{get: []}'), 'At paths./a.get: expected an object'],
    ['a path that is null', 'paths: {/a: null}', 'At paths./a: expected an object'],
    ['paths that are null', 'paths: null', 'At paths: expected an object'],
    ['an operationId that is a number', operation('operationId: 7'), 'At paths./a.get.operationId: expected a text'],
    [
      'an extension of ours that is misspelt',
      operation('x-latchkey-mod: Audit'),
      'At paths./a.get.x-latchkey-mod: no extension of ours',
    ],
    [
      'an extension of ours in other letters',
      operation('X-Latchkey-Mode: Audit'),
      'At paths./a.get.X-Latchkey-Mode: no extension of ours in a operation; write x-latchkey-mode',
    ],
    [
      'an extension of ours at a path',
      path('{x-latchkey-mode: Audit, get: {}}'),
      'At paths./a.x-latchkey-mode: no extension of ours',
    ],
    [
      'an extension of ours at the document',
      'x-latchkey-mode: Audit\npaths: {/a: {get: {}}}',
      'At x-latchkey-mode: no extension of ours',
    ],
    [
      'a method hidden among additional ones',
      path('{additionalOperations: {Delete: {}}}'),
      'At paths./a.additionalOperations.Delete: it is a field of the path; write delete there',
    ],
    [
      'additional methods that are null',
      path('{additionalOperations: null, get: {}}'),
      'At paths./a.additionalOperations: expected an object',
    ],
    [
      'a remote reference',
      operation("$ref: 'https://evil.example/op.yaml'"),
      'At paths./a.get.$ref: only references within the document',
    ],
    ['a reference to a file', path("{$ref: 'other.yaml#/a'}"), 'At paths./a.$ref: only references within the document'],
    [
      'a reference by an anchor',
      operation("$ref: '#remove'"),
      'At paths./a.get.$ref: only references within the document',
    ],
    ['a reference to nothing', operation("$ref: '#/x-ops/remove'"), 'At paths./a.get.$ref: it leads nowhere'],
    ['a reference into the prototype', operation("$ref: '#/constructor'"), 'At paths./a.get.$ref: it leads nowhere'],
    ['a reference to a text', operation("$ref: '#/openapi'"), 'At paths./a.get: expected an object'],
    ['a reference that is no text', operation('$ref: 1'), 'At paths./a.get.$ref: expected a text'],
    ['a reference with a bad escape', operation("$ref: '#/~2'"), 'At paths./a.get.$ref: an escape that is none'],
    ['a reference to itself', operation("$ref: '#/paths/~1a/get'"), 'At paths./a.get.$ref: more than 16 references'],
    [
      'references in a ring',
      `x-a: {$ref: '#/x-b'}\nx-b: {$ref: '#/x-a'}\n${operation("$ref: '#/x-a'")}`,
      'more than 16 references',
    ],
    [
      'a reference and its contrary',
      `x-op: {security: [{oauth: [a:b]}]}\n${operation("$ref: '#/x-op', security: []")}`,
      'At paths./a.get.security: it stands beside $ref',
    ],
    [
      'a member beside a reference to a list',
      `x-s: []\n${operation("security: {$ref: '#/x-s', oauth: []}")}`,
      'At paths./a.get.security.oauth: it stands beside $ref',
    ],
    ['the same path twice', 'paths:\n  /a: {get: {}}\n  /a: {post: {}}', 'line 5, column 3: a key that stands twice'],
    ['the same method twice', 'paths:\n  /a:\n    get: {}\n    get: {}', 'line 6, column 5: a key that stands twice'],
  ])('%s', (_what, text, fault) => {
    expect(routesOf(text)).toContain(fault.replace('a operation', 'an operation'))
  })

  it('passes over what OpenAPI has there and decides nothing, and the extensions of others', () => {
    const members = 'tags: [a], summary: s, description: d, externalDocs: {url: u}, parameters: [{$ref: "#/nowhere"}]'
    const more =
      'requestBody: {}, responses: {200: {}}, callbacks: {}, deprecated: true, x-other: {$ref: a.yaml}, x-: 1'
    const item = `{summary: s, description: d, parameters: [], trace: {}, additionalOperations: {COPY: {}}, x-a: 1, get: {${members}, ${more}}}`
    const root =
      "$self: u\ninfo: {}\njsonSchemaDialect: u\nwebhooks: {a: {$ref: 'https://h/'}}\ntags: []\nexternalDocs: {}\nx-a: null\n"
    expect(routesOf(`${root}servers: []\npaths: {x-a: 1, /a: ${item}}`)).toEqual([
      { name: 'get-a', path: '/a', methods: ['GET'], variants: 'Refuse' },
    ])
  })
})
