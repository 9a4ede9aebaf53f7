import { describe, expect, it } from 'vitest'
import { kinds } from '../../../../core/api/kinds.ts'
import { publicMembers } from '../../../../core/jose/jwk.ts'
import { specAndStatus } from './fields.ts'

/** Every field of every spec, as `Kind.field`. */
const fields = kinds.flatMap(kind =>
  specAndStatus(kind)
    .map(([path]) => path)
    .filter(path => path.startsWith('spec.'))
    .map(path => `${kind.kind}.${path.slice('spec.'.length)}`),
)
const called = (words: RegExp) => fields.filter(field => words.test(field.split('.').at(-1) ?? ''))

// A field that is added here gives whoever may write the object a way into something of somebody else: say in its own test
// who has to agree, and what becomes of it when they do not any more.
describe('a spec leads nowhere by itself', () => {
  it('K01 K02 to another namespace only by what narrows a key, and by a client that is given something', () => {
    expect(called(/namespace/i)).toEqual([
      'AccessKey.roles[].namespace',
      // Its guards get a hash, by which nobody is let in who has no grant there.
      'AccessKey.services[].namespace',
      'AccessGrant.clients[].namespace',
    ])
  })

  it('K01 to a Secret or a ConfigMap only by its name in the own namespace', () => {
    const members = fields.filter(field => /(secret|configmap)[^.]*(\.|$)/i.test(field))
    expect(members).toEqual([
      'AccessKey.secretName',
      'AccessKey.secretTemplate',
      'AccessKey.secretTemplate.labels',
      'AccessKey.secretTemplate.labels{}',
      'AccessKey.secretTemplate.annotations',
      'AccessKey.secretTemplate.annotations{}',
      'GuardedService.openapi.configMapRef',
      'GuardedService.openapi.configMapRef.name',
      'GuardedService.openapi.configMapRef.key',
    ])
  })

  it('K04 K11 to many objects at once never: no field selects by labels, or means all of something', () => {
    expect(called(/selector|match|^all|everywhere|cluster/i)).toEqual([])
  })

  it('K17 to an address never: the one field that is a URL comes with keys, and nobody reads it', () => {
    const members = called(/ur[il]|x5u|jwks|jku|endpoint|host|address|server|issuer|proxy|webhook/i)
    expect(members).toEqual(['AccessKey.publicKey.x5u'])
    const brought = { kty: 'OKP', crv: 'Ed25519', x: 'AA', x5u: 'http://169.254.169.254/' } as const
    expect(publicMembers(brought)).toEqual({ kty: 'OKP', crv: 'Ed25519', x: 'AA' })
  })

  it('K18 to a file never: what is called a path is one of requests', () => {
    expect(called(/path|file|folder|directory|mount|volume|socket/i)).toEqual([
      'Role.rules[].paths',
      'Role.rules[].paths[]',
      'GuardedService.routes[].path',
      'GuardedService.public[].path',
    ])
  })
})
