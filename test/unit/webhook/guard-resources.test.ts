import { describe, expect, it } from 'vitest'
import { memoryLimitOf, type Resources } from '../../../webhook/injection/guard-resources.ts'
import { injected, podOf, settings, told } from './pods.ts'

const withMemory = (memory: string, resources: Resources = settings.resources) =>
  injected(podOf({ annotations: { 'latchkey.dev/guard-memory': memory } }), { resources })
const resourcesOf = (pod: ReturnType<typeof injected>) => pod.spec.initContainers?.[0]?.resources

describe('the memory that a pod gives its guard', () => {
  it('is its limit and its request, and its heap follows', () => {
    const pod = withMemory('768Mi')
    expect(resourcesOf(pod)).toEqual({ requests: { cpu: '20m', memory: '768Mi' }, limits: { memory: '768Mi' } })
    expect(told(pod, 'NODE_OPTIONS')).toBe('--max-semi-space-size=4 --v8-pool-size=1 --max-old-space-size=576')
    expect(resourcesOf(withMemory('1Gi'))).toMatchObject({ limits: { memory: '1024Mi' } })
  })

  it('may be less than the installation gives, and stands where that gives none', () => {
    expect(resourcesOf(withMemory('128Mi'))).toMatchObject({
      requests: { memory: '128Mi' },
      limits: { memory: '128Mi' },
    })
    expect(resourcesOf(withMemory('128Mi', {}))).toEqual({ requests: { memory: '128Mi' }, limits: { memory: '128Mi' } })
    expect(resourcesOf(withMemory('128Mi', { limits: { cpu: '1' } }))).toMatchObject({
      limits: { cpu: '1', memory: '128Mi' },
    })
  })

  it('is the installation’s where the annotation is empty, and the same at the second pass', () => {
    expect(resourcesOf(withMemory(''))).toEqual(settings.resources)
    const pod = withMemory('256Mi')
    expect(injected(pod)).toEqual(pod)
  })
})

it('without a limit of memory V8 chooses the heap', () => {
  expect(told(injected(podOf(), { resources: {} }), 'NODE_OPTIONS')).toBe('--max-semi-space-size=4 --v8-pool-size=1')
})

it.each<[unknown, number | undefined]>([
  ['192Mi', 192 * 1_048_576],
  ['1.5Gi', 1.5 * 2 ** 30],
  ['200M', 2e8],
  ['1G', 1e9],
  [201_326_592, 201_326_592],
  ['1Ti', 2 ** 40],
  ['lots', undefined],
  ['0', undefined],
  ['12MiB', undefined],
  [undefined, undefined],
])('a limit of %s is read as %s bytes', (memory, bytes) => {
  expect(memoryLimitOf({ limits: { memory } })).toBe(bytes)
})
