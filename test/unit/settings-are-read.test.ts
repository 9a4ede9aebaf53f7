import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { configTable as authorizer } from '../../authorizer/config.ts'
import { configTable as guard } from '../../guard/config.ts'
import { readIssuerConfig } from '../../issuer/config.ts'
import { configTable as operator } from '../../operator/config.ts'
import { configTable as webhook } from '../../webhook/config.ts'

const issuer = readIssuerConfig({ LATCHKEY_NAMESPACE: 'latchkey-system', LATCHKEY_ISSUER_URL: 'https://issuer' })
/** Each process, with its settings and what it hands them to beside its own folder. */
const processes: readonly (readonly [name: string, settings: object, shared: string[]])[] = [
  ['operator', operator, ['cluster', 'core/registry']],
  ['issuer', issuer, ['cluster', 'core/registry']],
  ['webhook', webhook, []],
  ['guard', guard, ['enforce']],
  ['authorizer', authorizer, ['enforce']],
]

test.each(processes)('every setting of the %s is read outside its table', (name, settings, shared) => {
  const keys = Object.keys(settings)
  expect(keys.length).toBeGreaterThan(10)
  expect(keys.filter(key => !isRead(key, name, shared))).toEqual([])
})

test('a setting that nobody reads is found out', () => {
  expect(isRead('podName', 'operator', ['core/registry'])).toBe(true)
  expect(isRead('podName', 'webhook', [])).toBe(false)
  expect(isRead('namespace', 'authorizer', ['enforce'])).toBe(false)
})

/**
 * By the text of the sources: it is asked of a config, or picked of one, or it is a member of what a whole config is
 * handed to.
 */
function isRead(key: string, name: string, shared: readonly string[]): boolean {
  const all = [name, ...shared].map(sources).join('\n')
  const asked = new RegExp(
    `\\bconfig\\.${key}\\b|\\{[^{}]*\\b${key}\\b[^{}]*\\}\\s*[=:]\\s*(\\w+\\.)?(config|\\w*Config)\\b`,
  )
  const picked = new RegExp(`Pick<\\w+, [^>]*'${key}'`)
  const member = new RegExp(`^ +(readonly )?${key}\\??: .*[^,]$`, 'm')
  return [asked, picked, member].some(reading => reading.test(all))
}

/** The sources of a folder, without the tables themselves. */
function sources(folder: string): string {
  const files = globSync(`${folder}/**/*.ts`, { exclude: file => String(file).includes('generated') })
  return files.map(file => withoutTable(readFileSync(file, 'utf8'))).join('\n')
}

function withoutTable(text: string): string {
  return text.replace(/\bconst \w*[tT]able = \{\n[\s\S]*?\n\}\n/, '')
}
