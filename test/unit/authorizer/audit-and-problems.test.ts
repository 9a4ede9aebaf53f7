import { afterAll, describe, expect, it } from 'vitest'
import { configTable } from '../../../authorizer/config.ts'
import { readConfig } from '../../../platform/config.ts'
import { alice } from '../../guard/policy-rows.ts'
import { checkOf, openGrpc } from './grpc-client.ts'
import { type Rig, secretOf, startAuthorizer } from './rig.ts'

const rigs: Rig[] = []
afterAll(async () => {
  for (const rig of rigs) await rig.close()
})
async function start(options: Parameters<typeof startAuthorizer>[0]): Promise<Rig> {
  const rig = await startAuthorizer(options)
  rigs.push(rig)
  return rig
}
/** A call that may pass, as haproxy and nginx ask about it. */
const check = (rig: Rig, name = 'haproxy') =>
  fetch(`http://127.0.0.1:${rig.http}/check/shop/orders`, {
    headers: {
      ...{ 'latchkey-peer-secret': secretOf(name), authorization: `Bearer ${alice.token()}` },
      ...{ 'x-original-method': 'GET', 'x-original-uri': '/api/x' },
    },
  })

describe('an authorizer that cannot write its audit log', () => {
  it('F14 denies with 503 where lines must not be lost, in each form, and passes calls again as soon as it can', async () => {
    let blocked = true
    const rig = await start({ auditOnBlock: 'Deny', isBlocked: () => blocked })
    const denied = await check(rig)
    expect([denied.status, denied.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await denied.json()).toMatchObject({ code: 'audit_unavailable', status: 503 })
    const nginx = await check(rig, 'nginx')
    expect([nginx.status, nginx.headers.get('latchkey-status')]).toEqual([403, '503'])
    const client = openGrpc(`http://127.0.0.1:${rig.grpc}`)
    const secret = { 'latchkey-peer-secret': secretOf('envoy') }
    const asked = checkOf({ target: '/api/x', headers: { authorization: `Bearer ${alice.token()}` } })
    const { response } = await client.check(asked, secret)
    expect(response?.httpResponse).toMatchObject({ case: 'deniedResponse', value: { status: { code: 503 } } })
    client.close()
    blocked = false
    expect((await check(rig)).status).toBe(200)
  })

  it('F14 counts lost lines and lets calls pass where they may be lost', async () => {
    const rig = await start({ isBlocked: () => true })
    expect((await check(rig)).status).toBe(200)
  })
})

describe('links of problems', () => {
  it('lead to the pages of the installation, for every kind of denial', async () => {
    const base = 'https://docs.example.com/problems#'
    const rig = await start({ problemBase: base })
    const ask = async (path: string, headers: Record<string, string>) =>
      (await (await fetch(`http://127.0.0.1:${rig.http}${path}`, { headers })).json()) as { type: string }
    const secret = { 'latchkey-peer-secret': secretOf('haproxy') }
    const told = { 'x-original-method': 'GET', 'x-original-uri': '/api/x' }
    expect(await ask('/check/shop/orders', {})).toMatchObject({ type: `${base}peer_unknown` })
    expect(await ask('/check/shop/orders', secret)).toMatchObject({ type: `${base}request_malformed` })
    expect(await ask('/check/shop/orders', { ...secret, ...told })).toMatchObject({ type: `${base}credential_missing` })
  })

  it('and what happens to audit lines, are settings of the process', () => {
    const env = { LATCHKEY_SNAPSHOT_URL: 'https://issuer:8444' }
    const given = { ...env, LATCHKEY_AUDIT_ON_BLOCK: 'Deny', LATCHKEY_PROBLEM_BASE: 'https://a.example/#' }
    expect(readConfig(configTable, given)).toMatchObject({ auditOnBlock: 'Deny', problemBase: 'https://a.example/#' })
    const defaults = { auditOnBlock: 'Count', problemBase: 'https://latchkey.dev/problems/' }
    expect(readConfig(configTable, env)).toMatchObject(defaults)
    expect(() => readConfig(configTable, { ...env, LATCHKEY_PROBLEM_BASE: 'problems' })).toThrow(
      'LATCHKEY_PROBLEM_BASE',
    )
  })
})
