import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tokenProvider } from '../../sdk/token-provider.ts'
import { repositoryRoot } from '../cluster/binaries.ts'
import type { Image } from '../cluster/image.ts'
import { helm, installChart, kubectl } from '../demo/install.ts'
import { apply, read, waitFor } from './cluster.ts'

const release = 'edge'
const namespace = 'latchkey-edge'
const tenant = 'edge-tenant'
const authorizer = 'edge-latchkey-authorizer'
const secret = 'e2e'.repeat(16)

const about = (kind: string, name: string, spec: object) => ({
  apiVersion: 'latchkey.dev/v1alpha1',
  kind,
  metadata: { name, namespace: tenant },
  spec,
})

/** What a proxy would ask, from a pod, through the Service and its certificate. */
const asking = `
const https=require('https');const [path,secret,token]=process.argv.slice(1);
const headers={'latchkey-peer-secret':secret,authorization:'Bearer '+token,'x-original-method':'GET','x-original-uri':'/things'};
const ca=require('fs').readFileSync('/var/run/latchkey/issuer-ca/ca.crt');
https.get({host:'${authorizer}.${namespace}.svc',port:9191,path,headers,ca},a=>{a.resume();console.log(a.statusCode+' '+a.headers['latchkey-decision'])})
  .on('error',e=>console.log(e.code))`

async function ask(service: string, token: string, shown = secret): Promise<string> {
  const where = ['exec', '--namespace', namespace, `deploy/${authorizer}`, '--', 'node', '-e', asking, '--']
  return (await kubectl([...where, `/check/${tenant}/${service}`, shown, token])).trim()
}

/** A token by the key that the operator minted, as the client would sign it. */
async function token(): Promise<string> {
  const { data } = await read<{ data: Record<string, string> }>('secrets', tenant, 'caller')
  const key = JSON.parse(Buffer.from(data['private.jwk'] ?? '', 'base64').toString('utf8'))
  return await tokenProvider({ key }).token(`https://api.${tenant}.svc`)
}

describe('the external authorizer, as the chart deploys it', () => {
  beforeAll(async () => {
    const labels = { 'latchkey.dev/installation': 'edge' }
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: tenant, labels } })
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
    await apply({
      ...{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'proxy', namespace } },
      stringData: { secret },
    })
    await apply({
      ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'api', namespace: tenant } },
      spec: { selector: { app: 'api' }, ports: [{ port: 80, targetPort: 8080 }] },
    })
    const image = JSON.parse(readFileSync(join(repositoryRoot, 'build/image.json'), 'utf8')) as Image
    const peer = 'authorizer.peers[0]'
    await installChart({
      ...{ release, namespace, image },
      values: [
        ...['installation=edge', 'crds.enabled=false', 'rbac.aggregate=false'],
        ...['operator', 'issuer', 'webhook'].map(name => `${name}.replicas=1`),
        ...['authorizer.enabled=true', `${peer}.name=proxy`, `${peer}.proxy=HAProxy`, `${peer}.secretName=proxy`],
        `${peer}.services[0]=${tenant}/api`,
      ],
    })
    await apply(about('GuardedService', 'api', { targetRef: { name: 'api', port: 80 } }))
    await apply(about('ApiClient', 'caller', {}))
    await apply(about('AccessKey', 'caller', { clientRef: { name: 'caller' } }))
    await apply(about('Role', 'reader', { rules: [{ services: ['api'], methods: ['GET'], paths: ['/things'] }] }))
    const clients = [{ namespace: tenant, name: 'caller' }]
    await apply(about('AccessGrant', 'caller-reads', { roleRef: { name: 'reader' }, clients }))
    await waitFor('accesskeys.latchkey.dev/caller', tenant, 'condition=Ready')
  })
  afterAll(async () => {
    await helm(['uninstall', release, '--namespace', namespace, '--ignore-not-found', '--wait']).catch(() => undefined)
    await kubectl(['delete', 'namespace', namespace, tenant, '--ignore-not-found', '--wait=false'])
  })

  it('decides for a listed proxy, with the policy that the issuer streams', async () => {
    const own = await token()
    await expect
      .poll(() => ask('api', own), { timeout: 60_000, interval: 1_000 })
      .toBe('200 allow; reason=granted; by=guard')
  })

  it('denies who is not listed, and what the proxy is not listed for', async () => {
    expect(await ask('api', 'none', 'x'.repeat(40))).toBe('403 deny; reason=peer_unknown; by=guard')
    expect(await ask('other', 'none')).toBe('403 deny; reason=service_unknown; by=guard')
  })

  it('counts as the guard of the service, whose Service leads past any other', async () => {
    await waitFor('guardedservices.latchkey.dev/api', tenant, 'condition=Enforced')
    const { status } = await read<{
      status: { guards: string; conditions: { type: string; message: string }[] }
    }>('guardedservices.latchkey.dev', tenant, 'api')
    expect(status.guards).toBe('2/2')
    expect(status.conditions.find(({ type }) => type === 'Enforced')?.message).toContain('decided by nobody')
  })

  it('refuses a key that is revoked, and the key says when that is enforced', async () => {
    const own = await token()
    const patch = JSON.stringify({ spec: { revoked: { reason: 'leaked' } } })
    await kubectl([
      'patch',
      'accesskeys.latchkey.dev',
      'caller',
      '--namespace',
      tenant,
      '--type=merge',
      '--patch',
      patch,
    ])
    await waitFor('accesskeys.latchkey.dev/caller', tenant, 'condition=Enforced')
    expect(await ask('api', own)).toBe('401 deny; reason=key_revoked; by=guard')
  })
})
