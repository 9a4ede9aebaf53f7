import { spawn } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { KubeClient, KubeObject } from '../../platform/kube/client.ts'
import { accessGrants, configMaps, namespaces, roles } from '../../platform/kube/resources.ts'
import { step, until } from '../../test/cluster/progress.ts'
import { addService } from '../../test/integration/issuer/objects.ts'
import { addAccessKeys, addNamespaces, countReady, placeOf } from '../control-plane/access-keys.ts'
import { type Bundled, startBundled } from '../control-plane/bundled.ts'
import { inFlight } from '../control-plane/in-flight.ts'
import { onPlane, type Plane } from '../control-plane/plane.ts'
import { addGuardPod, type GuardPlace, startStreamingGuard, writerOf } from '../control-plane/streaming-guard.ts'
import { untilRest } from '../control-plane/until-rest.ts'
import { residentMemory } from '../machine/memory.ts'
import type { Settings } from '../settings.ts'
import { median } from '../statistics.ts'

const namespace = 'shop'
const service = 'orders'
const role = 'reader'
/** As the API server takes them. */
const clientsPerGrant = 256
const samples = 20
const sampleMs = 500
const settleMs = 15_000

export interface Resident {
  readonly operator: number
  readonly issuer: number
  readonly guard: number
}

export interface Sizes {
  readonly keys: number
  readonly grown: Resident
  readonly started: Resident
  readonly node: number
  readonly samples: number
}

/** @param counts rising */
export function measureMemory(counts: readonly number[], settings: Settings): Promise<Sizes[]> {
  return onPlane(async plane => {
    const { client } = plane
    await addNamespaces(client)
    await client.create(namespaces, { metadata: { name: namespace } })
    await addService(writerOf(client), namespace, service)
    const rules = [{ services: [service], methods: ['GET'], paths: ['/**'] }]
    await client.create(roles, { metadata: { namespace, name: role }, spec: { rules } } as KubeObject)
    const place = await addGuardPod(client, plane.directory, { namespace, service, name: 'guard' })
    const node = await measureNode()
    const sizes: Sizes[] = []
    let running = await startAll(plane, place, settings)
    try {
      for (const [at, keys] of counts.entries()) {
        const before = counts[at - 1] ?? 0
        await step(`  ${keys} keys`, () => grow(plane, running, before, keys))
        const grown = await sample(running)
        await running.stop()
        running = await startAll(plane, place, settings)
        await settle(plane, keys)
        sizes.push({ keys, grown, started: await sample(running), node, samples })
      }
    } finally {
      await running.stop()
    }
    return sizes
  })
}

interface Running {
  readonly pids: { readonly [name in keyof Resident]: number }
  readonly operator: Bundled
  stop(): Promise<void>
}

async function startAll(plane: Plane, place: GuardPlace, { programCore: core }: Settings): Promise<Running> {
  const operator = await startBundled('operator', plane)
  const caFile = await writeAuthority(plane)
  const issuer = await startBundled('issuer', plane)
  const snapshotUrl = `https://127.0.0.1:${issuer.port('snapshots')}`
  // Nobody calls: where the app is does not matter.
  const guard = await startStreamingGuard({ ...plane, name: 'guard', core, snapshotUrl, caFile, place, appPort: 9 })
  return {
    pids: { operator: operator.pid, issuer: issuer.pid, guard: guard.pid },
    operator,
    async stop() {
      for (const one of [guard, issuer, operator]) await one.stop()
    },
  }
}

/** As the operator writes it into the namespaces of guarded services. */
async function writeAuthority({ client, directory }: Plane): Promise<string> {
  type WithData = KubeObject & { data?: Record<string, string> }
  let found: string | undefined
  await until('the operator has written the authority', 60_000, async () => {
    const page = await client.list<WithData>(configMaps, { namespace })
    found = page.items.map(({ data }) => data?.['ca.crt']).find(text => text?.includes('BEGIN CERTIFICATE'))
    return found !== undefined
  })
  const file = join(directory, 'issuer-ca.crt')
  await writeFile(file, found ?? '')
  return file
}

/** Keys, their clients, and grants of all to the one service; returns when all of it is done. */
async function grow(plane: Plane, { operator }: Running, from: number, to: number): Promise<void> {
  const { client } = plane
  if (to > from) {
    await addAccessKeys(client, from, to)
    await inFlight(Math.ceil((to - from) / clientsPerGrant), at => addGrant(client, from + at * clientsPerGrant, to))
    await untilRest(operator, (to - from) * 2)
  }
  await settle(plane, to)
}

function addGrant(client: KubeClient, from: number, to: number): Promise<unknown> {
  const clients = Array.from({ length: Math.min(clientsPerGrant, to - from) }, (_, at) => placeOf(from + at))
  const spec = { roleRef: { name: role }, clients }
  return client.create(accessGrants, { metadata: { namespace, name: `grant-${from}` }, spec } as KubeObject)
}

/** @throws Error when a key is not Active, or a client is not at the guard */
async function settle({ client, directory }: Plane, keys: number): Promise<void> {
  await wait(settleMs)
  const ready = await countReady(client)
  if (ready !== keys) throw new Error(`${ready} of ${keys} AccessKeys are Active`)
  await until(`${keys} clients are at the guard`, 120_000, async () => {
    const stored = await readFile(join(directory, 'guard', 'snapshot.json'), 'utf8')
    return stored.split('"type":"client"').length - 1 === keys
  })
}

async function sample({ pids }: Running): Promise<Resident> {
  const found: Record<keyof Resident, number[]> = { operator: [], issuer: [], guard: [] }
  const names = Object.keys(found) as (keyof Resident)[]
  for (let at = 0; at < samples; at++) {
    for (const name of names) found[name].push(residentMemory(pids[name]).mb)
    await wait(sampleMs)
  }
  return { operator: median(found.operator), issuer: median(found.issuer), guard: median(found.guard) }
}

async function measureNode(): Promise<number> {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  await wait(1_000)
  const { mb } = residentMemory(child.pid ?? 0)
  child.kill()
  return mb
}
