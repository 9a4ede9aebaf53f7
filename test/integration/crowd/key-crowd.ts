import { expect } from 'vitest'
import type { AccessKey } from '../../../core/api/access-key.ts'
import type { KubeClient, KubeObject } from '../../../platform/kube/client.ts'
import { accessKeys, apiClients, namespaces, secrets } from '../../../platform/kube/resources.ts'
import { issuerUrl, startTestCluster, type TestCluster } from '../operator/cluster.ts'
import { type ChartProcess, startAsInChart } from './chart-process.ts'
import { inTurns } from './crowd-of-guards.ts'

export interface CrowdOfKeys {
  readonly namespaces: number
  readonly keysOfEach: number
  /** How long all keys may take, milliseconds. */
  readonly patienceMs: number
  /** How long nothing may be written afterwards, milliseconds. */
  readonly idleMs: number
  /** How often all of them are read to see whether they are ready: that costs the API server, too. Milliseconds. */
  readonly lookMs: number
}

/** What was seen, for whoever measures. */
export interface KeysBorne {
  /** From the operator's start to the last key that is ready, milliseconds. */
  readonly allReadyMs: number
  /** From the start of another one, before all these keys, until its controllers run, milliseconds. */
  readonly startMs: number
  /** While they were minted; of the one that found them there; of an issuer that did. */
  readonly peakMebibytes: readonly number[]
}

/**
 * Keys of many namespaces are minted at one time, among them some that cannot be; then another operator finds all of them
 * there, and an issuer. They keep within the chart's limits of memory, and nothing is written that was written already.
 */
export async function operatorBearsKeys(size: CrowdOfKeys): Promise<KeysBorne> {
  const cluster = await startTestCluster()
  const started: ChartProcess[] = []
  const start = async (): Promise<ChartProcess> => {
    const operator = await startOperator(cluster)
    started.push(operator)
    return operator
  }
  try {
    await addKeys(cluster.client, size)
    const begunAt = performance.now()
    const first = await start()
    const reasons = () => reasonsOf(cluster.client)
    const wanted = { Ready: size.namespaces * size.keysOfEach, ClientNotFound: 1, SecretConflict: 1 }
    await expect.poll(reasons, { timeout: size.patienceMs, interval: size.lookMs }).toEqual(wanted)
    const allReadyMs = performance.now() - begunAt
    const peaks = [peakOf(first)]
    // Gives its Lease back, for which the next one would wait otherwise.
    await first.terminate()

    const before = await versions(cluster.client)
    const startedAt = performance.now()
    const second = await start()
    const startMs = performance.now() - startedAt
    await new Promise(resolve => setTimeout(resolve, size.idleMs))
    expect(await versions(cluster.client)).toEqual(before)
    expect(second.ended()).toBeUndefined()
    const issuer = await startIssuer(cluster)
    started.push(issuer)
    return { allReadyMs, startMs, peakMebibytes: [...peaks, peakOf(second), peakOf(issuer)] }
  } finally {
    await Promise.all(started.map(one => one.stop()))
    await cluster.stop()
  }
}

function peakOf({ peakBytes, limitMebibytes }: ChartProcess): number {
  const peak = peakBytes() / 1_048_576
  expect(peak).toBeLessThan(limitMebibytes)
  return Math.round(peak)
}

function startOperator(cluster: TestCluster): Promise<ChartProcess> {
  return startAsInChart('operator', {
    LATCHKEY_NAMESPACE: 'latchkey-system',
    LATCHKEY_FULLNAME: 'latchkey',
    LATCHKEY_ISSUER_URL: issuerUrl,
    LATCHKEY_POD_NAME: 'operator-0',
    LATCHKEY_KUBECONFIG: cluster.plane.kubeconfig,
  })
}

function startIssuer(cluster: TestCluster): Promise<ChartProcess> {
  return startAsInChart('issuer', {
    LATCHKEY_NAMESPACE: 'latchkey-system',
    LATCHKEY_FULLNAME: 'latchkey',
    LATCHKEY_ISSUER_URL: issuerUrl,
    LATCHKEY_PORT: '0',
    LATCHKEY_SNAPSHOT_PORT: '0',
    LATCHKEY_TOKEN_PORT: '0',
    LATCHKEY_KUBECONFIG: cluster.plane.kubeconfig,
  })
}

/** Besides those that are good: one without its client, and one whose Secret is somebody else's. */
async function addKeys(client: KubeClient, size: CrowdOfKeys): Promise<void> {
  const names = Array.from({ length: size.namespaces }, (_, at) => `keys-${at}`)
  const key = (namespace: string, name: string, of = 'caller') =>
    client.create(accessKeys, { metadata: { namespace, name }, spec: { clientRef: { name: of } } } as KubeObject)
  await inTurns(names, 16, async name => {
    await client.create(namespaces, { metadata: { name } })
    await client.create(apiClients, { metadata: { namespace: name, name: 'caller' }, spec: {} } as KubeObject)
  })
  await client.create(secrets, { metadata: { namespace: 'keys-0', name: 'taken' } } as KubeObject)
  await key('keys-0', 'taken')
  await key('keys-0', 'lost', 'nobody')
  const keys = names.flatMap(namespace => Array.from({ length: size.keysOfEach }, (_, at) => ({ namespace, at })))
  await inTurns(keys, 32, ({ namespace, at }) => key(namespace, `key-${at}`))
}

async function reasonsOf(client: KubeClient): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { status } of await all<AccessKey & KubeObject>(client, accessKeys)) {
    const reason = status?.conditions?.find(({ type }) => type === 'Ready')?.reason ?? 'none'
    counts[reason] = (counts[reason] ?? 0) + 1
  }
  return counts
}

/** Of everything the operator writes for a key. */
async function versions(client: KubeClient): Promise<readonly string[]> {
  const lists = await Promise.all([accessKeys, secrets, apiClients].map(resource => all(client, resource)))
  return lists
    .flat()
    .filter(({ metadata }) => metadata.namespace?.startsWith('keys-'))
    .map(({ metadata }) => `${metadata.namespace}/${metadata.name}@${metadata.resourceVersion}`)
    .sort()
}

async function all<T extends KubeObject>(client: KubeClient, resource: typeof secrets): Promise<T[]> {
  return (await client.list<T>(resource)).items
}
