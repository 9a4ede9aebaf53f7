import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Issuer } from '../../../issuer/issuer.ts'
import type { KubeClient, KubeObject, Resource } from '../../../platform/kube/client.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { documentOf } from '../../unit/cluster/openapi-fake.ts'
import { connectGuard, type Guard } from './guard.ts'
import { addPod, tokenOf } from './objects.ts'
import { startWorld, type World } from './world.ts'

const quick = { goodMs: 200, faultyMs: 200, retryMs: 100, longestRetryMs: 500 }
const longestBytes = 2 * 1024 * 1024

let world: World
let issuer: Issuer
let token: string
const guards: Guard[] = []

beforeAll(async () => {
  world = await startWorld()
  await world.namespace('shop')
  await guarded('plain', undefined)
  token = await tokenOf(world, await addPod(world, { namespace: 'shop', name: 'pod', labels: { app: 'app' } }))
  issuer = await world.startReplica({ documentTimings: quick })
})
afterAll(async () => {
  for (const guard of guards) guard.close()
  await world?.close()
})

async function connect(name: string, at = issuer, held: Guard | undefined = undefined): Promise<Guard> {
  const seen = held?.seen()
  const guard = await connectGuard({
    port: at.ports.snapshots,
    ca: world.ca,
    token,
    slice: `shop/${name}`,
    ...(held && { builder: held.builder, hash: held.builder.hash(), ...(seen && { seen }) }),
  })
  guards.push(guard)
  return guard
}
/** A guard that is let in. */
async function connected(name: string, at = issuer): Promise<Guard> {
  await expect.poll(async () => (await connect(name, at)).status).toBe(200)
  const guard = await connect(name, at)
  await guard.until(frame => 'full' in frame || 'delta' in frame)
  return guard
}
const pathsOf = (guard: Guard) =>
  guard.rows().flatMap(row => (row.type === 'service' ? row.routes.map(({ path }) => path) : []))

/** A GuardedService whose pods are the one that the token is of. */
async function guarded(name: string, configMap: string | undefined, key?: string): Promise<void> {
  await world.create(resources.services, {
    metadata: { namespace: 'shop', name },
    spec: { selector: { app: 'app' }, ports: [{ port: 80 }] },
  } as KubeObject)
  await world.create(resources.guardedServices, {
    metadata: { namespace: 'shop', name },
    spec: {
      targetRef: { name, port: 80 },
      ...(configMap !== undefined && {
        openapi: { configMapRef: { name: configMap, ...(key !== undefined && { key }) } },
      }),
    },
  } as KubeObject)
}
const configMap = (name: string, text: string): Promise<KubeObject> =>
  world.create(resources.configMaps, {
    metadata: { namespace: 'shop', name },
    data: { 'openapi.yaml': text },
  } as KubeObject)
const change = (name: string, text: string): Promise<KubeObject> =>
  world.admin.patch(resources.configMaps, 'shop', name, { data: { 'openapi.yaml': text } })
/** As the operator would leave it. */
const accepted = (name: string, status: 'True' | 'False', reason: string): Promise<KubeObject> =>
  world.setStatus(resources.guardedServices, 'shop', name, {
    conditions: [{ type: 'Accepted', status, reason, message: '', lastTransitionTime: '2026-11-30T12:00:00Z' }],
  })

describe('a document', () => {
  it('of 2 MiB is read from binaryData, compressed', async () => {
    const text = documentOf(300)
    const binaryData = {
      'openapi.json.gz': gzipSync(text + ' '.repeat(longestBytes - text.length)).toString('base64'),
    }
    await world.create(resources.configMaps, {
      metadata: { namespace: 'shop', name: 'long' },
      binaryData,
    } as KubeObject)
    await guarded('long', 'long', 'openapi.json.gz')
    expect(pathsOf(await connected('long'))).toHaveLength(300)
  })

  it('that is renamed, deleted, broken and restored leaves the routes in force until another one is good (S10)', async () => {
    await configMap('one', documentOf(1, 'one'))
    await guarded('moving', 'one')
    const guard = await connected('moving')
    expect(pathsOf(guard)).toEqual(['/one-0'])
    await world.admin.patch(resources.guardedServices, 'shop', 'moving', {
      spec: { openapi: { configMapRef: { name: 'two' } }, maxStaleness: '2h' },
    })
    // The other change of the spec arrives, with the routes there were.
    await expect
      .poll(() => guard.rows().find(row => row.type === 'service'))
      .toMatchObject({ maxStalenessSeconds: 7_200, routes: [{ path: '/one-0' }] })
    await configMap('two', documentOf(1, 'two'))
    await expect.poll(() => pathsOf(guard)).toEqual(['/two-0'])
    await world.admin.delete(resources.configMaps, 'shop', 'two')
    await configMap('two', '{"openapi": "3.1.0", "paths": {')
    await change('two', documentOf(2, 'restored'))
    await expect.poll(() => pathsOf(guard)).toEqual(['/restored-0', '/restored-1'])
    const seen = guard.frames.flatMap(frame => ('full' in frame || 'delta' in frame ? [frame] : []))
    expect(seen).toHaveLength(4)
  })
})

it('a service that names a document instead of its own routes keeps those until the document is good (S10)', async () => {
  await guarded('changed', undefined)
  const patch = (spec: object) => world.admin.patch(resources.guardedServices, 'shop', 'changed', { spec })
  await patch({ routes: [{ name: 'own', path: '/own', methods: ['GET'] }] })
  await accepted('changed', 'True', 'Accepted')
  const guard = await connected('changed')
  await expect.poll(() => pathsOf(guard)).toEqual(['/own'])
  await patch({ routes: null, openapi: { configMapRef: { name: 'not-there' } } })
  const plain = await connected('plain')
  await patch({ keepCredential: 'Jwt' })
  await plain.until(frame => 'heartbeat' in frame, 12_000)
  expect(pathsOf(guard)).toEqual(['/own'])
  await configMap('not-there', documentOf(1, 'now'))
  await expect.poll(() => pathsOf(guard)).toEqual(['/now-0'])
})

describe('a replica that starts', () => {
  /** A client that gets no ConfigMap until it may. */
  function withoutConfigMaps(): { client: KubeClient; allow(): void } {
    let allowed = false
    const refuses = ({ plural }: Resource) => !allowed && plural === 'configmaps'
    const noAnswer = () => Promise.reject(new Error('no answer'))
    const client: KubeClient = {
      ...world.admin,
      get: (resource, namespace, name) => (refuses(resource) ? noAnswer() : world.admin.get(resource, namespace, name)),
      getMetadata: (resource, namespace, name) =>
        refuses(resource) ? noAnswer() : world.admin.getMetadata(resource, namespace, name),
    }
    return {
      client,
      allow() {
        allowed = true
      },
    }
  }

  it('withholds the slice whose document it cannot read, serves the others, and then that one (S10)', async () => {
    await configMap('late', documentOf(1, 'late'))
    await guarded('late', 'late')
    const before = await connected('late')
    const { client, allow } = withoutConfigMaps()
    const replica = await world.startReplica({ client, documentTimings: quick })
    expect((await connected('plain', replica)).status).toBe(200)
    expect((await connect('late', replica)).status).toBe(503)
    allow()
    await expect.poll(async () => (await connect('late', replica)).status).toBe(200)
    const guard = await connect('late', replica, before)
    await guard.until(frame => 'full' in frame || 'delta' in frame)
    expect(pathsOf(guard)).toEqual(['/late-0'])
  })

  it('withholds what was good and is faulty now; what never was good is denied (S10)', async () => {
    await configMap('broken', '{')
    await guarded('was-good', 'broken')
    await guarded('never-good', 'broken')
    await accepted('was-good', 'True', 'Accepted')
    await accepted('never-good', 'False', 'OpenApiInvalid')
    const replica = await world.startReplica({ documentTimings: quick })
    await expect.poll(async () => (await connect('never-good', replica)).status).toBe(200)
    const denied = await connect('never-good', replica)
    await denied.until(frame => 'full' in frame || 'delta' in frame)
    expect(denied.rows()).toEqual([])
    expect((await connect('was-good', replica)).status).toBe(503)
    await change('broken', documentOf(1, 'mended'))
    expect(pathsOf(await connected('was-good', replica))).toEqual(['/mended-0'])
    await expect.poll(() => pathsOf(denied)).toEqual(['/mended-0'])
  })

  it("is not ready and sends no slice until the cluster's keys were read once (S10)", async () => {
    let allowed = false
    const client: KubeClient = {
      ...world.admin,
      raw(method, path, body) {
        if (!allowed && path === '/openid/v1/jwks') return Promise.reject(new Error('no answer'))
        return world.admin.raw(method, path, body)
      },
    }
    const replica = await world.startReplicaUnready({ client })
    await expect.poll(() => replica.notReady()).toContain('/openid/v1/jwks')
    expect((await connect('plain', replica)).status).toBe(503)
    allowed = true
    await replica.loaded
    const guard = await connected('plain', replica)
    expect(guard.rows().flatMap(row => (row.type === 'cluster' ? row.keys.length : []))).toEqual([expect.any(Number)])
  })
})
