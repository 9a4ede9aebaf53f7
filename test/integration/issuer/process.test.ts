import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connectGuard } from './guard.ts'
import { addPod, addService, tokenOf } from './objects.ts'
import { startWorld, type World } from './world.ts'

let world: World
let child: ChildProcess | undefined

beforeAll(async () => {
  world = await startWorld()
  await world.namespace('shop')
  await addService(world, 'shop', 'orders')
})
afterAll(async () => {
  child?.kill('SIGKILL')
  await world?.close()
})

it('the process gets ready, and on SIGTERM sends its guards away and exits 0', async () => {
  const main = new URL('../../../issuer/main.ts', import.meta.url).pathname
  const ports = new Map<string, number>()
  const lines: Record<string, unknown>[] = []
  child = spawn(process.execPath, [main], {
    env: { ...world.environment, LATCHKEY_KUBECONFIG: world.plane.kubeconfig, LATCHKEY_LOG_LEVEL: 'info' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (!child.stdout) throw new Error('no output')
  createInterface({ input: child.stdout }).on('line', text => {
    const line = JSON.parse(text) as Record<string, unknown>
    lines.push(line)
    if (line.msg === 'listening') ports.set(String(line.server), Number(line.port))
  })
  const servers = ['health', 'public', 'snapshots', 'tokens']
  await expect.poll(() => [...ports.keys()].sort(), { timeout: 20_000 }).toEqual(servers)
  const health = (path: string) => fetch(`http://127.0.0.1:${ports.get('health')}${path}`)
  await expect.poll(async () => (await health('/readyz')).status, { timeout: 20_000 }).toBe(200)

  const pod = await addPod(world, { namespace: 'shop', name: 'orders-1', labels: { app: 'orders' } })
  const token = await tokenOf(world, pod)
  const port = ports.get('snapshots') ?? 0
  const guard = await connectGuard({ port, ca: world.ca, token, slice: 'shop/orders' })
  await guard.until(frame => 'full' in frame)
  expect(await (await health('/metrics')).text()).toContain('latchkey_issuer_guards 1')

  child.kill('SIGTERM')
  await expect.poll(async () => (await health('/readyz')).status).toBe(503)
  expect((await health('/livez')).status).toBe(200)
  const exit = once(child, 'exit')
  await guard.until(frame => 'end' in frame && frame.end.code === 'draining', 10_000)
  expect((await exit)[0]).toBe(0)
  expect(JSON.stringify(lines)).not.toContain(token)
})
