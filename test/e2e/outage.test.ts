import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Call, callFromPod, callUntil } from '../demo/calls.ts'
import { kubectl, systemNamespace } from '../demo/install.ts'
import { podsOf, waitFor } from './cluster.ts'

const right: Call = { client: 'checkout', arguments: [], method: 'GET', url: 'http://orders.shop.svc/orders' }
const scale = async (deployment: string, replicas: number) => {
  await kubectl(['scale', 'deployment', deployment, '--namespace', systemNamespace, `--replicas=${replicas}`])
  await kubectl(['rollout', 'status', `deployment/${deployment}`, '--namespace', systemNamespace, '--timeout=120s'])
}

/** Calls the public path without a pause, on kept connections, and counts what was not answered with 200. */
const load = (seconds: number) => `
const http=require('http');const agent=new http.Agent({keepAlive:true,maxSockets:4});let ok=0;const bad=[];
const end=Date.now()+${seconds * 1000};
const one=()=>new Promise(done=>{const r=http.get({host:'orders.shop.svc',path:'/healthz',agent,timeout:10000},a=>{a.resume();a.on('end',()=>{a.statusCode===200?ok++:bad.push(a.statusCode);done()});a.on('error',e=>{bad.push(e.code);done()})});r.on('error',e=>{r.reusedSocket&&e.code==='ECONNRESET'?one().then(done):(bad.push(e.code),done())});r.on('timeout',()=>r.destroy(new Error('timeout')))});
Promise.all([1,2,3,4].map(async()=>{while(Date.now()<end){await one();await new Promise(r=>setTimeout(r,5))}})).then(()=>{console.log(JSON.stringify({ok,bad}));process.exit()})`

describe('when the control plane is away (F01, F13)', () => {
  beforeAll(async () => {
    expect((await callUntil(right, { status: 200, reason: 'granted' }, 60_000)).status).toBe(200)
    await scale('latchkey-issuer', 0)
    await scale('latchkey-operator', 0)
  })
  afterAll(async () => {
    await scale('latchkey-issuer', 2)
    await scale('latchkey-operator', 2)
    await waitFor('guardedservices.latchkey.dev/orders', 'shop', 'condition=Enforced')
  })

  it('guards go on deciding', async () => {
    expect(await callFromPod(right)).toMatchObject({ status: 200 })
    expect(await callFromPod({ ...right, method: 'DELETE', url: 'http://orders.shop.svc/orders/1' })).toMatchObject({
      status: 403,
      reason: 'not_granted',
    })
  })

  it('a guard that restarts begins with the last good snapshot of its pod', async () => {
    const [pod] = await podsOf('shop', 'latchkey.dev/guard=orders')
    const name = pod?.metadata.name ?? ''
    const restarts = async () =>
      (
        JSON.parse(await kubectl(['get', 'pod', name, '--namespace', 'shop', '--output', 'json'])) as {
          status: { initContainerStatuses: { name: string; restartCount: number }[] }
        }
      ).status.initContainerStatuses.find(status => status.name === 'latchkey-guard')?.restartCount ?? 0
    const before = await restarts()
    await kubectl([
      'exec',
      name,
      '--namespace',
      'shop',
      '--container',
      'latchkey-guard',
      '--',
      'node',
      '-e',
      'process.kill(1)',
    ])
    await expect.poll(restarts, { timeout: 60_000 }).toBe(before + 1)
    await kubectl(['wait', `pod/${name}`, '--namespace', 'shop', '--for=condition=Ready', '--timeout=60s'])
    expect((await callUntil(right, { status: 200, reason: 'granted' }, 30_000)).status).toBe(200)
  })
})

describe('a rollout under load (F20)', () => {
  it('drops no request', async () => {
    const running = kubectl([
      'exec',
      '--namespace',
      'checkout',
      'deploy/caller',
      '--container',
      'caller',
      '--',
      'node',
      '-e',
      load(30),
    ])
    await kubectl(['rollout', 'restart', 'deployment/orders', '--namespace', 'shop'])
    await kubectl(['rollout', 'status', 'deployment/orders', '--namespace', 'shop', '--timeout=120s'])
    const result = JSON.parse((await running).trim()) as { ok: number; bad: unknown[] }
    expect(result.bad).toEqual([])
    expect(result.ok).toBeGreaterThan(500)
  })
})
