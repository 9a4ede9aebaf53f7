import type { Resource } from '../../../../platform/kube/client.ts'
import { type Change, createReflector, type ReflectorOptions } from '../../../../platform/kube/reflector.ts'
import { createMetrics } from '../../../../platform/metrics.ts'
import { createManualClock } from '../manual-clock.ts'
import { createQuietLog } from '../quiet-log.ts'
import { createScriptedSource, type Thing } from './scripted-source.ts'

const things: Resource = { group: 'example.com', version: 'v1', plural: 'things', kind: 'Thing', namespaced: true }
export const gone = { type: 'ERROR', object: { code: 410, reason: 'Expired' } } as const

export function setUp(options: ReflectorOptions<Thing> = {}) {
  const source = createScriptedSource()
  const clock = createManualClock()
  const { log, lines } = createQuietLog()
  const metrics = createMetrics({ process: 'test' })
  const reflector = createReflector<Thing>(source.client, things, { clock, log, metrics, ...options })
  const changes: string[] = []
  const told = ({ type, key, old, object, resourceVersion }: Change<Thing>) =>
    `${type} ${key} ${old?.value ?? ''}>${object.value} @${resourceVersion}`
  reflector.onChange(change => changes.push(told(change)))
  const seen: string[] = []
  reflector.onSeen(version => seen.push(version))
  return { ...source, clock, lines, metrics, reflector, changes, seen }
}
