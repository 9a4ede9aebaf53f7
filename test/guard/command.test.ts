import { expect, test } from 'vitest'
import { readCommand } from '../../guard/command.ts'

const where = ['--manifests', 'm', '--service', 'a/b', '--upstream', 'http://x', '--listen', ':0']

test.each<[string[], object]>([
  [['--audit', 'file'], { audit: 'file' }],
  [['--audit=file', '--audit-on-block=Deny'], { audit: 'file', auditOnBlock: 'Deny' }],
  [['--audit-on-block', 'Deny'], { auditOnBlock: 'Deny' }],
])('beside an app %j changes the audit log and leaves the rest to the environment', (args, expected) => {
  expect(readCommand(args)).toEqual(expected)
})

test('without a cluster the audit log and the links of problems have the same choices and defaults', () => {
  const problemBase = 'https://latchkey.dev/problems/'
  expect(readCommand(where)).toMatchObject({ standalone: { audit: '-', auditOnBlock: 'Count', problemBase } })
  const chosen = [
    '--audit-on-block',
    'Deny',
    '--audit-otlp',
    'http://collector:4318/',
    '--problem-base',
    'https://d/p#',
  ]
  expect(readCommand([...where, ...chosen])).toMatchObject({
    standalone: { auditOnBlock: 'Deny', auditOtlp: 'http://collector:4318', problemBase: 'https://d/p#' },
  })
})
