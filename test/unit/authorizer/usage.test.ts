import { afterAll, beforeAll, expect, it } from 'vitest'
import { createUsageCounter } from '../../../enforce/report/usage.ts'
import { systemClock } from '../../../platform/clock.ts'
import { alice } from '../../guard/policy-rows.ts'
import { sendRaw } from '../../guard/raw-socket.ts'
import { checkOf, type GrpcClient, openGrpc } from './grpc-client.ts'
import { type Rig, secretOf, startAuthorizer } from './rig.ts'

const usage = createUsageCounter()
let rig: Rig
let client: GrpcClient
beforeAll(async () => {
  rig = await startAuthorizer({ usage })
  client = openGrpc(`http://127.0.0.1:${rig.grpc}`)
})
afterAll(async () => {
  client.close()
  await rig.close()
})

async function askHttp(secret: string): Promise<number> {
  const fields = [`Latchkey-Peer-Secret: ${secret}`, `Authorization: Bearer ${alice.token()}`, 'Host: authorizer']
  return (await sendRaw(rig.http, `GET /check/shop/orders/api/x HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`)).status
}

it('an authorizer counts what the calls used that a listed proxy asks about, in every protocol', async () => {
  expect(await askHttp(secretOf('envoy'))).toBe(200)
  expect(await askHttp('nobody')).not.toBe(200)
  const check = checkOf({ target: '/api/x', headers: { authorization: `Bearer ${alice.token()}` } })
  await client.check(check, { 'latchkey-peer-secret': secretOf('envoy') })
  const [used] = usage.told(systemClock.now(), 'now')
  expect(used?.keys?.map(([kid, calls]) => [kid, calls])).toEqual([[alice.key.kid, 2]])
  expect(used?.rules?.map(([rule, calls]) => [rule, calls])).toEqual([['role/caller#0', 2]])
})
