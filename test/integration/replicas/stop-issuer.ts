import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { configTable } from '../../../guard/config.ts'
import type { RunningGuard } from '../../../guard/guard.ts'
import { startSidecar } from '../../../guard/sidecar.ts'
import { systemClock } from '../../../platform/clock.ts'
import { readConfig } from '../../../platform/config.ts'
import * as resources from '../../../platform/kube/resources.ts'
import { sidecarSettings } from '../../builders/sidecar-settings.ts'
import { sendRaw } from '../../guard/raw-socket.ts'
import { startApp } from '../../guard/rig.ts'
import { createQuietLog } from '../../unit/platform/quiet-log.ts'
import { startIssuerService } from '../crowd/issuer-service.ts'
import { addClient, addGrant, addPod, addRole, addService, clientTokenOf, tokenOf } from '../issuer/objects.ts'
import { get } from '../issuer/web.ts'
import { startWorld } from '../issuer/world.ts'
import { followReadiness, type Replica, type Stop, startReplica } from './replica-process.ts'

type Client = Awaited<ReturnType<typeof addClient>>

/** A guard that heard nothing for 15 s looks for another replica. */
const silenceMs = 45_000
const granted = 'allow; reason=granted; by=guard'
const revoked = 'deny; reason=key_revoked; by=guard'

/**
 * Of two replicas the one that a guard hears is stopped: the guard moves to the other and hears there of a revocation, one
 * that was granted access is let in all the while, and the one that stood still does not bring the revoked key back.
 */
export async function stopIssuer(stop: Stop): Promise<void> {
  const world = await startWorld()
  const service = await startIssuerService()
  const replicas: Replica[] = []
  let guard: RunningGuard | undefined
  const app = await startApp()
  let follow: { stop(): void } | undefined
  try {
    for (const name of ['shop', 'partners']) await world.namespace(name)
    await addService(world, 'shop', 'orders')
    await addRole(world, 'shop', 'reader', ['orders'])
    const clients = [await addClient(world, 'partners', 'staying'), await addClient(world, 'partners', 'leaving')]
    const [staying, leaving] = clients as [Client, Client]
    for (const client of clients) await addGrant(world, 'shop', client.name, 'reader', [client])
    const env = { ...world.environment, LATCHKEY_KUBECONFIG: world.plane.kubeconfig, LATCHKEY_LOG_LEVEL: 'info' }
    // The guard hears the one that listed later: of what nobody changes the other has a lower version.
    const other = await startReplica('issuer', env, 3)
    replicas.push(other)
    await world.namespace('elsewhere')
    const stopped = await startReplica('issuer', env, 3)
    replicas.push(stopped)
    await expect.poll(stopped.isReady).toBe(true)
    service.lead([stopped.port('snapshots')])

    const folder = await mkdtemp(join(tmpdir(), 'replicas-'))
    await writeFile(join(folder, 'ca.crt'), world.ca)
    const pod = await addPod(world, { namespace: 'shop', name: 'orders-1', labels: { app: 'orders' } })
    await writeFile(join(folder, 'token'), await tokenOf(world, pod))
    const issuer = { url: `https://127.0.0.1:${service.port}` }
    const config = readConfig(
      configTable,
      sidecarSettings(folder, { service: 'shop/orders', appPort: app.port, issuer }),
    )
    const { log } = createQuietLog()
    const running = await startSidecar(config, { clock: systemClock, log, version: 'test', procNet: folder })
    guard = running
    const ask = async (client: Client): Promise<string> => {
      const token = clientTokenOf(client, 'https://orders.shop.svc')
      const call = `GET /x HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`
      return (await sendRaw(running.port, call)).headers['latchkey-decision']?.[0] ?? ''
    }
    for (const client of clients) await expect.poll(() => ask(client), { timeout: 15_000 }).toBe(granted)

    const hears = async (one: Replica) => (await one.metrics()).includes('latchkey_issuer_guards 1')
    expect(await Promise.all(replicas.map(hears))).toEqual([false, true])
    follow = followReadiness(
      () => replicas,
      ready => service.lead(ready.map(one => one.port('snapshots'))),
    )
    const loop = callAllAlong(() => ask(staying))
    stopped.child.kill(stop)
    await world.admin.patch(resources.accessKeys, 'partners', `${leaving.name}-key`, { spec: { revoked: {} } })
    await expect.poll(() => ask(leaving), { timeout: stop === 'SIGSTOP' ? silenceMs : 15_000 }).toBe(revoked)
    const known = callAllAlong(() => ask(leaving))
    await expect.poll(() => hears(other)).toBe(true)
    for (const { clientId } of clients) {
      const path = `/default/v1/clients/${clientId}/.well-known/jwks.json`
      const { status, body } = await get({ port: other.port('public'), ca: world.ca, path })
      const { keys } = JSON.parse(body.toString()) as { keys: unknown[] }
      expect([status, keys.length]).toEqual([200, clientId === staying.clientId ? 1 : 0])
    }
    if (stop === 'SIGTERM') expect(await stopped.exited).toBe(0)

    if (stop === 'SIGSTOP') {
      // It wakes up with what it knew, and is all that is left.
      stopped.child.kill('SIGCONT')
      other.child.kill('SIGKILL')
      await expect.poll(() => hears(stopped), { timeout: silenceMs }).toBe(true)
    }
    expect([...(await loop.end())]).toEqual([granted])
    expect([...(await known.end())]).toEqual([revoked])
  } finally {
    follow?.stop()
    await guard?.stop()
    for (const { child } of replicas) child.kill('SIGKILL')
    await service.close()
    await app.close()
    await world.close()
  }
}

/** Calls one after the other until the end. @returns every verdict that there was */
function callAllAlong(ask: () => Promise<string>): { end(): Promise<ReadonlySet<string>> } {
  const verdicts = new Set<string>()
  let over = false
  const calling = (async () => {
    while (!over) {
      verdicts.add(await ask().catch(error => `no answer: ${error}`))
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  })()
  return {
    async end() {
      over = true
      await calling
      return verdicts
    },
  }
}
