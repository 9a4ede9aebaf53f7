import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { matchAnnotation } from '../rotation-load/objects.ts'
import { kinds, publishAhead, type RotationLoad, startRotationLoad } from '../rotation-load/rotation-load.ts'

// Three rotations and 100,000 calls, at the kubelet's own pace, are in test/soak.

describe('a rotation while the key is in use', () => {
  let load: RotationLoad

  beforeAll(async () => {
    const start = startRotationLoad({ loops: 2, pauseMs: 20 }).then(started => (load = started))
    await Promise.all([start, publishAhead('2s')])
  })
  afterAll(async () => {
    await Promise.all([publishAhead(), load?.stop()])
  })

  it('is followed without a failed call by the SDK, by who reads the files, and by who is restarted (F16, F20)', async () => {
    const before = await load.secret()
    const kid = await load.rotate()
    const after = await load.secret()
    // What Reloader looks at: the same Secret, marked as it was, with other data.
    expect(after.metadata.uid).toBe(before.metadata.uid)
    expect(after.metadata.annotations[matchAnnotation]).toBe('true')
    expect(after.data['private.jwk']).not.toBe(before.data['private.jwk'])
    await load.haveKubeletLook()
    await load.reload()
    for (const kind of kinds)
      await expect.poll(() => load.counts()[kind].keys[kid] ?? 0, { timeout: 120_000 }).toBeGreaterThan(50)
    // Every pod finishes what it has under way.
    await load.stop()
    const { faults, examples, repeated, keys, ended } = load.all()
    expect({ faults, examples, repeated, ended }).toEqual({ faults: {}, examples: [], repeated: 0, ended: true })
    expect(Object.keys(keys)).toHaveLength(2)
  })
})
