import { describe, expect, it } from 'vitest'
import { kubectl } from '../demo/install.ts'
import { codeOf, documents } from '../unit/docs/documents.ts'

/** Every command with this verb that a document shows, in a block or in a line, each once. */
function shownWith(verb: string): { document: string; command: string }[] {
  const found = documents().flatMap(document =>
    codeOf(document)
      .flatMap(code => [...code.matchAll(new RegExp(`kubectl (?:-n \\S+ )?${verb} [^\\n|>]*`, 'g'))])
      .map(([command]) => ({ document: document.path, command: command.replace(/\s+#.*$/, '').trim() })),
  )
  return [...new Map(found.map(one => [one.command, one])).values()]
}
const shown = shownWith('get')

/** Names that guides make up for objects that their reader has yet to make, and what the demo has of that kind. */
const standsFor = new Map([
  ['web', 'checkout'],
  ['partner', 'checkout'],
  ['accesskeys.latchkey.dev/web-2', 'accesskeys.latchkey.dev/checkout'],
  ['accesskeys.latchkey.dev/partner', 'accesskeys.latchkey.dev/checkout'],
  ['partners', 'checkout'],
  ['billing', 'checkout'],
  ['billing-static', 'checkout'],
  ['billing-key', 'checkout'],
  ['accesskeys.latchkey.dev/billing-static', 'accesskeys.latchkey.dev/checkout'],
  ['accesskeys.latchkey.dev/billing-key', 'accesskeys.latchkey.dev/checkout'],
])
function argumentsOf(command: string): string[] {
  // A shell takes the quotes away.
  const words = command.replaceAll("'", '').split(/\s+/).slice(1)
  return words.map(word => standsFor.get(word) ?? word)
}

describe('the documented kubectl commands', () => {
  it('are there to be tried', () => {
    expect(shown.length).toBeGreaterThan(5)
  })

  it.each(shown)('$command ($document) answers with objects of ours', async ({ command }) => {
    const args = argumentsOf(command).filter(arg => arg !== '-w' && arg !== '--watch')
    const text = await kubectl([...args.filter((arg, i) => arg !== '-o' && args[i - 1] !== '-o'), '-o', 'json'])
    const found = JSON.parse(text) as {
      items?: { apiVersion: string; kind: string }[]
      apiVersion: string
      kind: string
    }
    const ours =
      / get (?:latchkey|apiclient|accesskey|accessgrant|guardedservice|roles\.latchkey|lclient|akey|lrole|gsvc)/.test(
        command,
      )
    const objects = found.items ?? [found]
    if (!ours) return
    expect(objects.length).toBeGreaterThan(0)
    for (const { apiVersion } of objects) expect(apiVersion).toBe('latchkey.dev/v1alpha1')
  })

  it.each(shownWith('wait'))('$command ($document) comes back', async ({ command }) => {
    expect(await kubectl([...argumentsOf(command), '--timeout=60s'])).toContain('condition met')
  })

  it('mean our roles only when written in full: roles alone is Kubernetes own', async () => {
    const plain = JSON.parse(await kubectl(['get', 'roles', '-A', '-o', 'json'])) as { items: { apiVersion: string }[] }
    expect(plain.items.every(item => item.apiVersion === 'rbac.authorization.k8s.io/v1')).toBe(true)
    const full = JSON.parse(await kubectl(['get', 'roles.latchkey.dev', '-A', '-o', 'json'])) as {
      items: { apiVersion: string }[]
    }
    expect(full.items.length).toBeGreaterThan(0)
    expect(full.items.every(item => item.apiVersion === 'latchkey.dev/v1alpha1')).toBe(true)
  })

  it('show columns that answer the question', async () => {
    const heads = async (resource: string) =>
      (await kubectl(['get', resource, '-A']))
        .split('\n')[0]
        ?.trim()
        .split(/\s{2,}/)
    expect(await heads('apiclients')).toEqual([
      'NAMESPACE',
      'NAME',
      'TYPE',
      'CLIENT-ID',
      'KEYS',
      'STATE',
      'READY',
      'REASON',
      'AGE',
    ])
    expect(await heads('accesskeys')).toEqual([
      'NAMESPACE',
      'NAME',
      'CLIENT',
      'TYPE',
      'STATE',
      'EXPIRES',
      'ROTATES',
      'READY',
      'REASON',
      'AGE',
    ])
    expect(await heads('guardedservices')).toEqual([
      'NAMESPACE',
      'NAME',
      'TARGET',
      'MODE',
      'GUARDS',
      'ENFORCED',
      'READY',
      'REASON',
      'AGE',
    ])
  })
})
