import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AccessKeyStatus } from '../../core/api/access-key.ts'
import { type SecretObject, secretFile } from '../../core/keys/secret-data.ts'
import type { KubeObject } from '../../platform/kube/client.ts'
import { accessKeys, apiClients, secrets } from '../../platform/kube/resources.ts'
import { condition, startTestCluster, type TestCluster, until } from '../integration/operator/cluster.ts'
import { expectInvariants, type History, startHistory } from '../integration/operator/kill-points/history.ts'
import { holderOf, leases, type OperatorProcess, startOperatorProcess } from '../integration/operator/start-main.ts'

type Key = KubeObject & { status?: AccessKeyStatus }

let cluster: TestCluster
let processes: OperatorProcess[] = []
let namespace: string
let history: History
beforeEach(async () => {
  cluster = await startTestCluster()
  namespace = await cluster.namespace()
  history = await startHistory(cluster.client, namespace)
  await cluster.client.create(apiClients, { metadata: { name: 'web', namespace }, spec: {} } as KubeObject)
})
afterEach(async () => {
  history?.stop()
  for (const { child } of processes) child.kill('SIGKILL')
  processes = []
  await cluster?.stop()
})

async function start(podName: string): Promise<OperatorProcess> {
  const one = await startOperatorProcess({ kubeconfig: cluster.plane.kubeconfig, podName })
  processes.push(one)
  return one
}
const leads = (podName: string) =>
  until(async () => (await holderOf(cluster.client))?.startsWith(`${podName}_`), `${podName} leads`, 60_000)

/** The first leads, the second stands by. */
async function startTwo(): Promise<[OperatorProcess, OperatorProcess]> {
  const first = await start('operator-0')
  await leads('operator-0')
  return [first, await start('operator-1')]
}

async function createKeys(from: number, to: number): Promise<void> {
  for (let at = from; at < to; at++) {
    const key = { metadata: { name: `key-${at}`, namespace }, spec: { clientRef: { name: 'web' } } }
    await cluster.client.create(accessKeys, key as KubeObject)
  }
}

/** Every key is published, and its Secret never had another. */
async function expectMintedOnce(count: number): Promise<void> {
  const keys = await until(
    async () => {
      const { items } = await cluster.client.list<Key>(accessKeys, { namespace })
      const isReady = ({ status }: Key) =>
        status?.conditions?.some(one => one.type === 'Ready' && one.status === 'True')
      return items.every(isReady) && items
    },
    'every key is ready',
    60_000,
  )
  const kids = keys.map(({ status }) => status?.keyId).sort()
  expect(new Set(kids).size).toBe(count)
  expect(history.minted().sort()).toEqual(kids)
}

/** What holds for each key by itself. */
function expectEachInvariant(): void {
  const names = new Set(history.versions.map(({ object }) => object.metadata.name))
  for (const name of names) {
    const own = { ...history, versions: history.versions.filter(({ object }) => object.metadata.name === name) }
    expectInvariants(own, { skipsWaiting: false })
  }
}

describe('two operators as their pods run them (F03, F07, F34)', () => {
  it('one that is killed in the middle is followed by the other, which finishes and mints nothing twice', async () => {
    const [first] = await startTwo()
    await createKeys(0, 20)
    first.child.kill('SIGKILL')
    await createKeys(20, 40)
    await leads('operator-1')
    await expectMintedOnce(40)
    expectEachInvariant()
  })

  it('one that is told to stop hands over within seconds', async () => {
    const [first] = await startTwo()
    await createKeys(0, 20)
    first.child.kill('SIGTERM')
    expect(await first.exited).toBe(0)
    await leads('operator-1')
    await expectMintedOnce(20)
    expectEachInvariant()
  })

  it('one that stood still for a minute ends when it goes on; what was revoked meanwhile stays so', async () => {
    const [first] = await startTwo()
    await createKeys(0, 20)
    await condition(cluster.client, accessKeys, { metadata: { name: 'key-0', namespace } }, ready)
    first.child.kill('SIGSTOP')
    await createKeys(20, 40)
    await cluster.client.patch(accessKeys, namespace, 'key-0', { spec: { revoked: { reason: 'leaked' } } })
    await leads('operator-1')
    const revoked = { metadata: { name: 'key-0', namespace } }
    await condition(cluster.client, accessKeys, revoked, { type: 'Ready', reason: 'Revoked' }, 60_000)
    await new Promise(resolve => setTimeout(resolve, 60_000))
    first.child.kill('SIGCONT')
    expect(await first.exited).toBe(1)
    await new Promise(resolve => setTimeout(resolve, 2_000))
    const secret = await cluster.client.get<SecretObject & KubeObject>(secrets, namespace, 'key-0')
    expect(secret && secretFile(secret, 'private.jwk')).toBeUndefined()
    const { items } = await cluster.client.list<Key>(accessKeys, { namespace })
    const states = items.map(({ metadata, status }) => `${metadata.name} ${status?.state}`)
    expect(states.filter(state => !state.endsWith('Active'))).toEqual(['key-0 Revoked'])
    expect(history.minted()).toHaveLength(40)
    expectEachInvariant()
  })

  it('one whose Lease is deleted ends; whoever leads then goes on', async () => {
    const [first, second] = await startTwo()
    await createKeys(0, 10)
    await cluster.client.delete(leases, 'latchkey-system', 'latchkey-operator')
    await Promise.race([first.exited, second.exited])
    await createKeys(10, 20)
    await until(async () => (await holderOf(cluster.client)) !== undefined, 'somebody leads', 60_000)
    await expectMintedOnce(20)
    expectEachInvariant()
  })
})

const ready = { type: 'Ready', reason: 'Ready' }
