import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { client, deploymentOf, matchAnnotation, policy, reloadAnnotation } from '../../rotation-load/objects.ts'
import { codeOf, documents } from '../docs/documents.ts'

const guide = documents().find(({ path }) => path === 'docs/guides/rotation.md') ?? { path: '', text: '' }
const shown = codeOf(guide).join('\n')
const deployment = (way: 'sdk' | 'environment') => JSON.stringify(deploymentOf(way, 'image', { loops: 1, pauseMs: 1 }))

test('who has its key in a variable is set up as the guide says, with the annotations of Reloader', () => {
  expect(shown).toContain(`${reloadAnnotation}: checkout`)
  expect(shown).toContain(`${matchAnnotation}: "true"`)
  const [variable] = parse(/env:\n( {2}- name: LATCHKEY_PRIVATE_JWK\n.*\n)/.exec(shown)?.[1] ?? '')
  const ours = JSON.stringify(variable).replace('"checkout"', `"${client}"`)
  expect(deployment('environment')).toContain(ours)
  expect(deployment('environment')).toContain(`"${reloadAnnotation}":"${client}"`)
  expect(JSON.stringify(policy)).toContain(`"${matchAnnotation}":"true"`)
})

test('who reads the files is not restarted, and has no variable', () => {
  expect(deployment('sdk')).not.toContain('LATCHKEY_PRIVATE_JWK')
  expect(deployment('sdk')).not.toContain(reloadAnnotation)
})
