import { describe, expect, test } from 'vitest'
import { kinds } from '../../../core/api/kinds.ts'
import type { KubeObject, Resource } from '../../../platform/kube/client.ts'
import { accessKeys, namespaces, networkPolicies, secrets, services } from '../../../platform/kube/resources.ts'
import { kubectl } from '../chart/render-chart.ts'
import { kstatus } from '../kinds/kstatus.ts'
import { resourceOf } from '../kinds/samples.ts'
import { condition, until, type WithStatus } from './cluster.ts'
import { clusterWithOperator } from './cluster-with-operator.ts'

/** What GitOps tools do to our objects: apply, prune, apply again, and look at what became of them. */
const cluster = clusterWithOperator({ controllerManager: true })

type Manifest = KubeObject & { apiVersion: string; kind: string; spec: object }
type Managed = { manager: string; operation: string; subresource?: string; fieldsV1: Record<string, object> }
type Secret = KubeObject & { data?: Record<string, string> }

const annotation = 'latchkey.dev/paused'
const object = (kind: string, namespace: string, name: string, spec: object): Manifest => ({
  apiVersion: 'latchkey.dev/v1alpha1',
  kind,
  metadata: { name, namespace, labels: { app: 'shop' } },
  spec,
})
/** One of each kind, as a repository has them. */
const manifests = (namespace: string, key: object = {}): Manifest[] => [
  object('ApiClient', namespace, 'web', {}),
  object('AccessKey', namespace, 'web', { clientRef: { name: 'web' }, ...key }),
  object('GuardedService', namespace, 'api', { targetRef: { name: 'api', port: 80 }, networkPolicy: 'Generate' }),
  object('Role', namespace, 'reader', { rules: [{ services: ['api'], methods: ['GET'], paths: ['/**'] }] }),
  object('AccessGrant', namespace, 'web', { roleRef: { name: 'reader' }, clients: [{ namespace, name: 'web' }] }),
]
const run = (args: string[], objects?: object[]) => kubectl(cluster.plane.kubeconfig, args, objects)
const argo = ['apply', '--server-side', '--field-manager=argocd-controller', '--filename=-']
const resource = (kind: string): Resource => resourceOf[kind as keyof typeof resourceOf]
const get = (kind: string, namespace: string, name: string) =>
  cluster.client.get<WithStatus>(resource(kind), namespace, name)
const current = (made: readonly Manifest[]) =>
  until(async () => {
    const found = await Promise.all(
      made.map(({ kind, metadata }) => get(kind, metadata.namespace ?? '', metadata.name)),
    )
    return found.every(one => one && kstatus(one) === 'Current') && (found as WithStatus[])
  }, 'every object current')
/** The objects once nothing is written to them any more. */
async function atRest(made: readonly Manifest[]): Promise<WithStatus[]> {
  const versions = (list: readonly WithStatus[]) => JSON.stringify(list.map(({ metadata }) => metadata.resourceVersion))
  return until(async () => {
    const before = await current(made)
    await new Promise(resolve => setTimeout(resolve, 1_000))
    const after = await current(made)
    return versions(before) === versions(after) && after
  }, 'nothing written for a second')
}
async function namespaceWithService(): Promise<string> {
  const namespace = await cluster.namespace()
  await cluster.client.create(services, {
    metadata: { name: 'api', namespace },
    spec: { selector: { app: 'api' }, ports: [{ port: 80, targetPort: 'guard' }] },
  } as KubeObject)
  return namespace
}
const secretOf = (namespace: string) => cluster.client.get<Secret>(secrets, namespace, 'web')
const keyIdOf = async (namespace: string) => (await get('AccessKey', namespace, 'web'))?.status?.keyId
const ready = (kind: string, namespace: string, name: string, reason: string) =>
  condition(cluster.client, resource(kind), { metadata: { namespace, name } }, { type: 'Ready', reason })
const pause = (kind: string, namespace: string, name: string, value: string | null = 'true') =>
  cluster.client.patch(resource(kind), namespace, name, { metadata: { annotations: { [annotation]: value } } })

describe('a manager that applies every kind server-side', () => {
  test('owns the spec, the operator the status and nothing else, and neither takes a field from the other', async () => {
    const namespace = await namespaceWithService()
    const made = manifests(namespace)
    expect(new Set(made.map(({ kind }) => kind))).toEqual(new Set(kinds.map(({ kind }) => kind)))
    await run(argo, made)
    const before = await atRest(made)
    for (const { metadata } of before) {
      const managed = (metadata as unknown as { managedFields: Managed[] }).managedFields
      expect(managed.map(({ manager, operation, subresource }) => [manager, operation, subresource])).toEqual(
        expect.arrayContaining([
          ['argocd-controller', 'Apply', undefined],
          ['latchkey-operator', 'Apply', 'status'],
        ]),
      )
      expect(managed).toHaveLength(2)
      for (const { manager, fieldsV1 } of managed) {
        const top = Object.keys(fieldsV1).filter(field => field !== 'f:metadata' || manager === 'latchkey-operator')
        expect(top).toEqual([manager === 'latchkey-operator' ? 'f:status' : 'f:spec'])
      }
    }
    // Without force: a conflict would be an error. Nothing is written, by either side.
    await run(argo, made)
    const after = await atRest(made)
    expect(after.map(({ metadata }) => metadata.resourceVersion)).toEqual(
      before.map(({ metadata }) => metadata.resourceVersion),
    )
  })

  test('is told of each change by observedGeneration: what was current is in progress until the operator has seen it', async () => {
    const namespace = await namespaceWithService()
    const made = manifests(namespace)
    await run(argo, made)
    await current(made)
    const next = made.map(one =>
      one.kind === 'AccessKey' ? { ...one, spec: { ...one.spec, secretTemplate: { labels: { team: 'a' } } } } : one,
    )
    await run(argo, next)
    const [, key] = await current(next)
    expect([key?.metadata.generation, key?.status?.observedGeneration]).toEqual([2, 2])
    // What can be computed again is written last, after the status.
    await expect.poll(async () => (await secretOf(namespace))?.metadata.labels).toMatchObject({ team: 'a' })
  })
})

describe('kubectl apply --prune', () => {
  const prune = (namespace: string, objects: object[]) =>
    run(
      [
        ...['apply', '--filename=-', '--prune', '--selector=app=shop', `--namespace=${namespace}`],
        ...kinds.map(({ kind }) => `--prune-allowlist=latchkey.dev/v1alpha1/${kind}`),
      ],
      objects,
    )

  test('that takes all away and brings it back gives the same client id and grant, and another key', async () => {
    const namespace = await namespaceWithService()
    const made = manifests(namespace)
    await prune(namespace, made)
    const [client] = await current(made)
    const [keyId, secret] = [await keyIdOf(namespace), await secretOf(namespace)]
    await prune(namespace, [object('ApiClient', namespace, 'other', {})])
    expect(await get('AccessKey', namespace, 'web')).toBeUndefined()
    await prune(namespace, made)
    const again = await current(made)
    expect(again[0]?.status?.clientId).toBe(client?.status?.clientId)
    expect(again[0]?.metadata.uid).not.toBe(client?.metadata.uid)
    expect(await keyIdOf(namespace)).not.toBe(keyId)
    const now = await secretOf(namespace)
    expect(now?.metadata.uid).not.toBe(secret?.metadata.uid)
    expect(now?.metadata.ownerReferences?.map(({ uid }) => uid)).toEqual([again[1]?.metadata.uid])
    expect(again[4]?.status).toMatchObject({ state: 'Active', clients: [{ clientId: client?.status?.clientId }] })
  })

  test('never reads as failed meanwhile: a Secret that is still to be collected is waited for', async () => {
    const namespace = await namespaceWithService()
    const made = manifests(namespace)
    await prune(namespace, made)
    await current(made)
    // What the garbage collector has not got round to.
    await cluster.client.patch(secrets, namespace, 'web', { metadata: { finalizers: ['example.org/slow'] } })
    await prune(namespace, [object('ApiClient', namespace, 'web', {})])
    await prune(namespace, made)
    const { found } = await ready('AccessKey', namespace, 'web', 'Pending')
    expect(found.message).toContain('of an earlier AccessKey of this name')
    expect(kstatus((await get('AccessKey', namespace, 'web')) as WithStatus)).toBe('InProgress')
    await until(async () => (await secretOf(namespace))?.metadata.deletionTimestamp !== undefined, 'being collected')
    await cluster.client.patch(secrets, namespace, 'web', { metadata: { finalizers: null } })
    await current(made)
  })

  test('with deletionPolicy Orphan leaves the Secret, and the key is the same when it is applied again', async () => {
    const namespace = await namespaceWithService()
    const made = manifests(namespace, { deletionPolicy: 'Orphan' })
    await prune(namespace, made)
    await current(made)
    const [keyId, before] = [await keyIdOf(namespace), await secretOf(namespace)]
    await prune(namespace, [object('ApiClient', namespace, 'other', {})])
    await prune(namespace, made)
    await current(made)
    expect(await keyIdOf(namespace)).toBe(keyId)
    const after = await secretOf(namespace)
    expect([after?.metadata.uid, after?.data]).toEqual([before?.metadata.uid, before?.data])
  })

  test('of the client alone leaves its key where it is: published again, with its Secret untouched', async () => {
    const namespace = await namespaceWithService()
    const made = manifests(namespace)
    await prune(namespace, made)
    await current(made)
    const [keyId, before] = [await keyIdOf(namespace), await secretOf(namespace)]
    await prune(namespace, made.slice(1))
    await ready('AccessKey', namespace, 'web', 'ClientNotFound')
    await prune(namespace, made)
    await current(made)
    expect(await keyIdOf(namespace)).toBe(keyId)
    expect((await secretOf(namespace))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion)
  })

  test('of the whole namespace makes another client: another id, another key, and grants of others are refused', async () => {
    const [shop, namespace] = [await namespaceWithService(), await namespaceWithService()]
    const [client, key] = manifests(namespace) as [Manifest, Manifest]
    const grant = object('AccessGrant', shop, 'web', {
      roleRef: { name: 'reader' },
      clients: [{ namespace, name: 'web' }],
    })
    const all = [client, key, ...manifests(shop).slice(2, 4), grant]
    for (const one of all) await run(['apply', '--filename=-'], [one])
    const [was] = await current(all)
    const keyId = await keyIdOf(namespace)
    await run(['delete', 'namespace', namespace, '--wait=true', '--timeout=30s'])
    await cluster.client.create(namespaces, { metadata: { name: namespace } })
    for (const one of [client, key]) await run(['apply', '--filename=-'], [one])
    await current([client, key])
    expect((await get('ApiClient', namespace, 'web'))?.status?.clientId).not.toBe(was?.status?.clientId)
    expect(await keyIdOf(namespace)).not.toBe(keyId)
    await ready('AccessGrant', shop, 'web', 'ClientReplaced')
  })
})

describe('latchkey.dev/paused', () => {
  test('shows in kubectl get and as a condition of every kind, and an object that is well stays current', async () => {
    const namespace = await namespaceWithService()
    const made = manifests(namespace)
    await run(['apply', '--filename=-'], made)
    await current(made)
    for (const { kind, metadata } of made) {
      await pause(kind, namespace, metadata.name)
      const { found } = await ready(kind, namespace, metadata.name, 'Paused')
      expect([kind, found.status]).toEqual([kind, 'True'])
      const paused = (await get(kind, namespace, metadata.name)) as WithStatus
      expect(paused.status?.conditions?.find(({ type }) => type === 'Paused')?.status).toBe('True')
      expect(kstatus(paused)).toBe('Current')
      const plural = resource(kind).plural
      expect(await run(['get', `${plural}.latchkey.dev`, metadata.name, `--namespace=${namespace}`])).toMatch(
        /True +Paused/,
      )
    }
  })

  test('leaves a Secret that is repaired by hand alone, and goes on when the annotation is gone', async () => {
    const namespace = await namespaceWithService()
    const made = manifests(namespace)
    await run(['apply', '--filename=-'], made)
    await current(made)
    const keyId = await keyIdOf(namespace)
    const { data, metadata, ...rest } = (await secretOf(namespace)) as Secret
    await pause('AccessKey', namespace, 'web')
    await ready('AccessKey', namespace, 'web', 'Paused')
    await cluster.client.delete(secrets, namespace, 'web')
    // The sweep finds it missing within seconds.
    const held = await condition(
      cluster.client,
      accessKeys,
      { metadata: { namespace, name: 'web' } },
      { type: 'Ready', reason: 'Paused', status: 'False' },
    )
    expect([await secretOf(namespace), held.status?.keyId, kstatus(held)]).toEqual([undefined, keyId, 'InProgress'])
    const { labels, annotations, ownerReferences } = metadata
    const restored = { name: 'web', namespace, labels, annotations, ownerReferences } as Secret['metadata']
    await cluster.client.create(secrets, { ...rest, data, metadata: restored } as Secret)
    await pause('AccessKey', namespace, 'web', null)
    await ready('AccessKey', namespace, 'web', 'Ready')
    expect([await keyIdOf(namespace), (await secretOf(namespace))?.data]).toEqual([keyId, data])
  })

  test('keeps no revocation up', async () => {
    const namespace = await namespaceWithService()
    const made = manifests(namespace)
    await run(['apply', '--filename=-'], made)
    await current(made)
    await pause('AccessKey', namespace, 'web')
    await cluster.client.patch(accessKeys, namespace, 'web', { spec: { revoked: { reason: 'leaked' } } })
    const { status } = await ready('AccessKey', namespace, 'web', 'Revoked')
    expect(status).toMatchObject({ state: 'Revoked', keys: [{ state: 'Revoked' }] })
    await until(async () => (await secretOf(namespace))?.data === undefined, 'the Secret emptied')
  })

  test('makes no NetworkPolicy and pins no client before the pause ends', async () => {
    const namespace = await namespaceWithService()
    const made = manifests(namespace)
    const paused = made.map(one => ({
      ...one,
      metadata: { ...one.metadata, annotations: { [annotation]: 'true' } },
    }))
    await run(['apply', '--filename=-'], paused)
    await ready('GuardedService', namespace, 'api', 'NotIsolated')
    await ready('AccessGrant', namespace, 'web', 'Paused')
    await ready('AccessKey', namespace, 'web', 'Paused')
    expect((await get('AccessGrant', namespace, 'web'))?.status).toMatchObject({ state: 'Pending', clients: [] })
    expect(await cluster.client.get(networkPolicies, namespace, 'latchkey-api')).toBeUndefined()
    expect(await secretOf(namespace)).toBeUndefined()
    await run([
      ...['annotate', 'accesskeys,accessgrants,guardedservices', '--all', `--namespace=${namespace}`],
      `${annotation}-`,
    ])
    await current(made)
    expect((await get('AccessGrant', namespace, 'web'))?.status?.state).toBe('Active')
    expect(await cluster.client.get(networkPolicies, namespace, 'latchkey-api')).toBeDefined()
  })
})

test('what others write into the Secret stays: labels and annotations of who copies or backs it up', async () => {
  const namespace = await namespaceWithService()
  const made = manifests(namespace)
  await run(argo, made)
  await current(made)
  const theirs = { labels: { 'velero.io/backup': 'x' }, annotations: { 'reflector.example.org/allowed': 'true' } }
  await cluster.client.patch(secrets, namespace, 'web', { metadata: theirs })
  await cluster.client.patch(accessKeys, namespace, 'web', { spec: { secretTemplate: { labels: { team: 'a' } } } })
  const secret = await until(async () => {
    const found = await secretOf(namespace)
    return found?.metadata.labels?.team === 'a' && found
  }, 'the label')
  expect(secret.metadata).toMatchObject(theirs)
})
