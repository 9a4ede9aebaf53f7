import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { kinds } from '../../../core/api/kinds.ts'
import { tokenRecord } from '../../../core/api/token-record.ts'
import { repositoryRoot } from '../../cluster/binaries.ts'
import { codeOf, documents } from './documents.ts'

const read = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8')

/** Where a pattern is found in the code that documents show. */
const shown = (pattern: RegExp) =>
  documents().flatMap(document =>
    codeOf(document).flatMap(code =>
      [...code.matchAll(pattern)].map(([, found = '']) => ({ path: document.path, found })),
    ),
  )

test('every documented make target is there, with a word of help', () => {
  const makefiles = ['Makefile', 'test/cluster/cluster.mk', 'bench/bench.mk'].map(read).join('\n')
  const targets = [...makefiles.matchAll(/^([a-z0-9-]+):.*## /gm)].map(([, target]) => target)
  const documented = shown(/(?:^|\$ )make ([a-z][a-z0-9-]*)/gm)
  expect(documented.length).toBeGreaterThan(10)
  expect(documented.filter(({ found }) => !targets.includes(found))).toEqual([])
})

test('every documented npm script is there', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const documented = shown(/npm run ([a-z][a-z0-9:-]*)/g)
  expect(documented.length).toBeGreaterThan(0)
  expect(documented.filter(({ found }) => !(found in scripts))).toEqual([])
})

/** What kubectl takes for a kind of ours, and the kinds of others that the documents name. */
const names = new Set([
  'latchkey',
  `${tokenRecord.plural}.latchkey.dev`,
  ...kinds.flatMap(({ plural, singular, shortNames }) =>
    plural === 'roles'
      ? [`${plural}.latchkey.dev`, ...shortNames]
      : [plural, singular, `${plural}.latchkey.dev`, ...shortNames],
  ),
  ...[
    'pod',
    'pods',
    'deployment',
    'service',
    'configmap',
    'namespace',
    'secret',
    'secrets',
    'crds',
    'mutatingwebhookconfiguration',
    'replicasets',
  ],
])

test('every documented kubectl command means a kind by a name of its own: never roles alone', () => {
  const verbs = 'get|wait|patch|delete|describe|annotate|label|edit|explain'
  const documented = shown(new RegExp(`kubectl (?:-n [a-z-]+ )?(?:${verbs}) ([a-z][a-z.,/-]*)`, 'g'))
  expect(documented.length).toBeGreaterThan(10)
  const unknown = documented.filter(({ found }) =>
    found.split(',').some(resource => !names.has(resource.split('/')[0] ?? '')),
  )
  expect(unknown).toEqual([])
})
