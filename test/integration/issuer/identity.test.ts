import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Issuer } from '../../../issuer/issuer.ts'
import type { KubeObject } from '../../../platform/kube/client.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { remakeNamespace } from '../remake-namespace.ts'
import { connectGuard, type Guard } from './guard.ts'
import { addClient, addGrant, addPod, addRole, addService, tokenOf } from './objects.ts'
import { startWorld, type World } from './world.ts'

let world: World
let issuer: Issuer
const guards: Guard[] = []
const audience = 'https://api.example.org'

beforeAll(async () => {
  world = await startWorld()
  for (const name of ['shop', 'partners', 'other']) await world.namespace(name)
  await addService(world, 'shop', 'orders')
  await addRole(world, 'shop', 'reader', ['orders'])
  issuer = await world.startReplica()
})
afterAll(async () => {
  for (const guard of guards) guard.close()
  await world?.close()
})

async function guardOf(namespace: string, service: string): Promise<Guard> {
  const pod = await addPod(world, { namespace, name: `${service}-1`, labels: { app: service } })
  const token = await tokenOf(world, pod)
  const slice = `${namespace}/${service}`
  const guard = await connectGuard({ port: issuer.ports.snapshots, ca: world.ca, token, slice })
  guards.push(guard)
  await guard.until(frame => 'full' in frame)
  return guard
}
const clientsAt = (guard: Guard) => guard.rows().flatMap(row => (row.type === 'client' ? row.clientId : []))
const serves = (guard: Guard) => guard.rows().some(row => row.type === 'service')

it('S11 a chosen client id is nobody in a namespace that was deleted and made anew, until it is granted anew', async () => {
  const spec = { clientId: 'partners.web' }
  const web = await addClient(world, 'partners', 'web', spec)
  const uid = (await world.admin.get<KubeObject>(resources.namespaces, undefined, 'partners'))?.metadata.uid
  await addGrant(world, 'shop', 'web-reads', 'reader', [{ ...web, namespaceUid: uid }])
  const guard = await guardOf('shop', 'orders')
  await expect.poll(() => clientsAt(guard)).toEqual(['partners.web'])

  await world.admin.delete(resources.accessKeys, 'partners', 'web-key')
  await world.admin.delete(resources.apiClients, 'partners', 'web')
  await expect.poll(() => clientsAt(guard)).toEqual([])
  // Pruned and applied again it is the same client.
  await addClient(world, 'partners', 'web', spec)
  await expect.poll(() => clientsAt(guard)).toEqual(['partners.web'])

  await world.admin.delete(resources.accessKeys, 'partners', 'web-key')
  await world.admin.delete(resources.apiClients, 'partners', 'web')
  const fresh = await remakeNamespace(world.admin, 'partners')
  const stranger = await addClient(world, 'partners', 'web', spec)
  // What comes later in the same stream proves that the stranger was seen.
  const witness = await addClient(world, 'partners', 'witness')
  await addGrant(world, 'shop', 'witness-reads', 'reader', [{ ...witness, namespaceUid: fresh }])
  await expect.poll(() => clientsAt(guard)).toEqual([witness.clientId])
  const pin = { namespace: 'partners', name: 'web', clientId: stranger.clientId, state: 'Granted' }
  await world.setStatus(resources.accessGrants, 'shop', 'web-reads', { clients: [{ ...pin, namespaceUid: fresh }] })
  await expect.poll(() => clientsAt(guard).sort()).toEqual(['partners.web', witness.clientId].sort())
})

it('S11 a chosen audience is served only where the operator gave it, whoever is older', async () => {
  for (const namespace of ['other', 'shop']) {
    await world.create(resources.services, {
      metadata: { namespace, name: 'api' },
      spec: { selector: { app: 'api' }, ports: [{ name: 'http', port: 80, targetPort: 'guard' }] },
    } as KubeObject)
    await world.create(resources.guardedServices, {
      metadata: { namespace, name: 'api' },
      spec: { targetRef: { name: 'api', port: 'http' }, audience },
    } as KubeObject)
  }
  const [older, younger] = [await guardOf('other', 'api'), await guardOf('shop', 'api')]
  expect([serves(older), serves(younger)]).toEqual([false, false])
  await world.setStatus(resources.guardedServices, 'shop', 'api', { audience })
  await expect.poll(() => serves(younger)).toBe(true)
  expect(serves(older)).toBe(false)
  await world.setStatus(resources.guardedServices, 'other', 'api', { refusedAudience: audience, observedGeneration: 1 })
  await world.admin.delete(resources.guardedServices, 'shop', 'api')
  // Its own guards keep their last policy; nobody else gets one.
  await younger.until(frame => 'end' in frame && frame.end.code === 'service_not_found')
  await addService(world, 'other', 'witness')
  const witness = await guardOf('other', 'witness')
  expect([serves(witness), serves(older)]).toEqual([true, false])
})
