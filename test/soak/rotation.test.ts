import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { repositoryRoot } from '../cluster/binaries.ts'
import { run, succeeds } from '../cluster/command.ts'
import { kubectl, systemNamespace } from '../demo/install.ts'
import { kinds, publishAhead, type RotationLoad, startRotationLoad } from '../rotation-load/rotation-load.ts'

const minute = 60_000
/** A cluster and the demo, where they have to be made from nothing. */
const forDemo = 15 * minute
/** The kubelet brings a changed Secret within a minute and a half by itself. */
const followedWithin = 4 * minute
/** A slow machine makes a hundred calls a second. */
const forCalls = 20 * minute

const script = (path: string) => run(process.execPath, [path], { cwd: repositoryRoot })
const rollOut = async (namespace: string, names: readonly string[]) => {
  await kubectl(['rollout', 'restart', ...names, '--namespace', namespace])
  for (const name of names) await kubectl(['rollout', 'status', name, '--namespace', namespace, '--timeout=180s'])
}

describe('three rotations of a key in use, at the pace of the kubelet', () => {
  let clusterWasThere: boolean
  let load: RotationLoad

  beforeAll(async () => {
    clusterWasThere = await succeeds(process.execPath, ['test/cluster/status.ts'], { cwd: repositoryRoot })
    await script('test/demo/demo.ts')
    await publishAhead('10s')
    load = await startRotationLoad({ loops: 3, pauseMs: 10 })
  }, forDemo)
  afterAll(async () => {
    await load?.stop()
    if (clusterWasThere) await publishAhead()
    else await script('test/cluster/down.ts')
  }, forDemo)

  /** @returns when callers of this kind had made a hundred calls with that key */
  async function signsWith(kind: (typeof kinds)[number], kid: string): Promise<number> {
    const calls = () => load.counts()[kind].keys[kid] ?? 0
    await expect.poll(calls, { timeout: followedWithin, interval: 500 }).toBeGreaterThan(100)
    return performance.now()
  }
  const controlPlane = ['operator', 'issuer', 'webhook'].map(name => `deployment/latchkey-${name}`)
  const own = ['ca', 'issuer-tls', 'webhook-tls', 'issuer-keys'].map(name => `secret/latchkey-${name}`)
  /** The next operator that leads begins at once. */
  async function renewInstallation(): Promise<void> {
    const request = `latchkey.dev/rotation-requested-at=${new Date().toISOString()}`
    await kubectl(['annotate', ...own, request, '--overwrite', '--namespace', systemNamespace])
    await rollOut(systemNamespace, controlPlane)
  }
  it.each([
    ['while nothing else happens', 'stay', async () => {}],
    [
      'while the installation is rolled out and asked to renew its own keys and certificates',
      'stay',
      renewInstallation,
    ],
    ['while the guards are rolled out (F20)', 'end', () => rollOut('shop', ['deployment/orders'])],
  ] as const)(
    'are followed by the SDK, by who reads the files, and by who is restarted: %s; kept connections %s',
    async (_, connections, meanwhile) => {
      const [kid] = await Promise.all([load.rotate(), meanwhile()])
      const handedOver = performance.now()
      const followed = Promise.all(kinds.map(kind => signsWith(kind, kid)))
      await load.reload()
      const seconds = (await followed).map(at => Math.round((at - handedOver) / 1_000))
      console.log(`followed after (s): ${kinds.map((kind, i) => `${kind} ${seconds[i]}`).join(', ')}`)
      const { faults, examples, repeated } = load.all()
      expect({ faults, examples }).toEqual({ faults: {}, examples: [] })
      if (connections === 'stay') expect(repeated).toBe(0)
    },
    3 * followedWithin,
  )

  it(
    'are 100,000 calls and more, and not one of them was refused or got no answer',
    async () => {
      await expect.poll(() => load.all().calls, { timeout: forCalls, interval: 1_000 }).toBeGreaterThan(100_000)
      await load.stop()
      const { faults, examples, ended, keys } = load.all()
      console.log(load.counts())
      expect({ faults, examples, ended }).toEqual({ faults: {}, examples: [], ended: true })
      expect(Object.keys(keys)).toHaveLength(4)
    },
    forCalls + minute,
  )
})
