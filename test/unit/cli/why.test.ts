import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { clientIdOf } from '../../../core/registry/ids.ts'
import { sliceHash } from '../../../core/rows/hash.ts'
import type { Row } from '../../../core/rows/rows.ts'
import { accessYaml } from '../../guard/access-manifests.ts'
import { alice, bob, nowSeconds, rowsOf } from '../../guard/policy-rows.ts'
import { runCommand } from './command-line.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'why-'))
})
afterEach(() => rm(folder, { recursive: true }))

function run(...args: string[]): Promise<{ code: number; text: string }> {
  const env = { LATCHKEY_SERVICE: 'shop/orders', LATCHKEY_SNAPSHOT_FILE: join(folder, 'snapshot.json') }
  return runCommand(['why', ...args], { env, nowMs: nowSeconds() * 1_000 })
}

async function store(rows: readonly Row[], confirmedSecondsAgo = 3): Promise<void> {
  const confirmedAt = (nowSeconds() - confirmedSecondsAgo) * 1_000
  const stored = { version: 1, service: 'shop/orders', seen: {}, hash: sliceHash(rows), rows, confirmedAt: 0 }
  await writeFile(join(folder, 'snapshot.json'), JSON.stringify(stored))
  await writeFile(join(folder, 'snapshot.json.contact'), JSON.stringify({ hash: stored.hash, confirmedAt }))
}

describe('latchkey why', () => {
  it('explains an allowed call from the snapshot of a guard, and ends with 0', async () => {
    await store(rowsOf())
    const { code, text } = await run('--client', 'callers/alice', 'GET', '/api/things')
    expect(code).toBe(0)
    expect(text).toContain('ALLOWED granted by role/caller#0, grant alice-calls')
    expect(text).toContain('confirmed 3 s ago')
    expect(text).toContain(`AccessKey alice-key, ${alice.key.kid}: good  <- asked about`)
  })

  it('takes a minted key that the manifests name to be good, and says of one that is not there which are', async () => {
    const minted = {
      ...{ apiVersion: 'latchkey.dev/v1alpha1', kind: 'AccessKey', metadata: { namespace: 'callers', name: 'second' } },
      spec: { clientRef: { name: 'alice' } },
    }
    await writeFile(join(folder, 'access.yaml'), accessYaml())
    await writeFile(join(folder, 'more.json'), JSON.stringify(minted))
    const ask = (name: string, ...more: string[]) =>
      run('--manifests', folder, '--client', 'callers/alice', '--key', name, ...more, 'GET', '/api/things')
    const { text } = await ask('second', '-o', 'json')
    expect(JSON.parse(text)).toMatchObject({ credential: 'assumed', decision: { reason: 'granted' } })
    await expect(ask('secnod')).rejects.toThrow('callers/alice has no key "secnod". It has: second, alice.')
  })

  it('takes a public key that is none for no key, says why, and takes a minted one beside it to be good', async () => {
    // A point of small order, which has the form of a key.
    const x = Buffer.concat([Buffer.from([1]), Buffer.alloc(31)]).toString('base64url')
    await writeFile(join(folder, 'access.yaml'), accessYaml({ publicKey: { kty: 'OKP', crv: 'Ed25519', x } }))
    const ask = (...more: string[]) =>
      run('--manifests', folder, '--client', 'callers/alice', ...more, 'GET', '/api/things')
    for (const { code, text } of [await ask(), await ask('--key', 'alice')]) {
      expect(code).toBe(1)
      expect(text).toContain('DENIED 401 invalid_token')
      expect(text).toMatch(/Credential +AccessKey alice, no key: .*small order.* <- asked about/)
      expect(text).not.toContain('taken to be good')
    }
    const second = { namespace: 'callers', name: 'second' }
    const minted = { apiVersion: 'latchkey.dev/v1alpha1', kind: 'AccessKey', metadata: second }
    await writeFile(join(folder, 'more.json'), JSON.stringify({ ...minted, spec: { clientRef: { name: 'alice' } } }))
    expect([(await ask()).code, (await ask('--key', 'second')).code, (await ask('--key', 'alice')).code]).toEqual([
      0, 0, 1,
    ])
  })

  it('explains a denied call with the change that would allow it, and ends with 1', async () => {
    await store(rowsOf())
    const { code, text } = await run('--client', 'callers/bob', 'GET', '/api/things')
    expect(code).toBe(1)
    expect(text).toContain('DENIED 403 not_granted')
    expect(text).toContain('Missing     GET /api/things')
    expect(text).toMatch(
      /# This would allow it: kubectl apply -f FILE\napiVersion: latchkey.dev\/v1alpha1\nkind: AccessGrant\n/,
    )
  })

  it('names the release of the guard that knows what was withheld from this one', async () => {
    await store(rowsOf().map(row => (row.type === 'grant' ? { ...row, needs: '0.3.0' } : row)))
    const { code, text } = await run('--client', 'callers/alice', 'GET', '/api/things')
    expect(code).toBe(1)
    expect(text).toContain('DENIED 403 policy_unsupported')
    expect(text).toContain('Missing     The policy says what guards know from release 0.3.0 on.')
    expect(text).toContain('kubectl rollout restart')
  })

  it('points to no Role that cannot be, and says what is wrong with a path', async () => {
    await store(rowsOf())
    const { code, text } = await run('--client', 'callers/alice', 'PROPFIND', '/dav/a')
    expect(code).toBe(1)
    expect(text).toContain('No rule and no route can name the method of this call')
    expect(text).not.toMatch(/Missing|Nearest|AccessGrant or Role/)
    const { text: ofPath } = await run('--client', 'callers/alice', 'GET', '/api/a[1]')
    expect(ofPath).toContain('The path holds [, which no URI has there as it is: send %5B.')
  })

  it('says of a stale policy, a narrowed key and an ended grant what there is to do', async () => {
    await store(rowsOf(), 90_000)
    expect((await run('--client', 'callers/alice', 'GET', '/api/things')).text).toContain('DENIED 503 policy_stale')
    await store(rowsOf({ alice: { keys: [{ ...alice.key, roles: ['other'] }] } }))
    const narrowed = await run('--client', 'callers/alice', 'GET', '/api/things')
    expect(narrowed.text).toContain('the key is narrowed to other roles')
    await store(rowsOf({ grant: { expiresAt: nowSeconds() - 1 } }))
    const ended = await run('--client', 'callers/alice', 'GET', '/api/things')
    expect(ended.text).toContain('kubectl patch accessgrants.latchkey.dev alice-calls -n shop --type=merge')
  })

  it('says how often a grant lets its clients call', async () => {
    await store(rowsOf({ grant: { limit: { requests: 600, perSeconds: 90 } } }))
    const { text } = await run('--client', 'callers/alice', 'GET', '/api/things')
    expect(text).toContain('alice-calls gives role caller, up to 600 calls in 1m30s at each guard, which this does not')
  })

  it('tells what audit mode lets through, and that ends with 0', async () => {
    await store(rowsOf({ service: { mode: 'Audit' } }))
    const { code, text } = await run('--client', 'callers/bob', 'GET', '/api/things')
    expect([code, text.split('\n', 1)[0]]).toEqual([
      0,
      'LET THROUGH by audit mode; Enforce would deny: 403 not_granted',
    ])
  })

  it('takes manifests as the policy, and gives the explanation as JSON', async () => {
    await writeFile(join(folder, 'access.yaml'), accessYaml())
    const { code, text } = await run('--manifests', folder, '--json', '--client', 'callers/alice', 'DELETE', '/api/x')
    expect(code).toBe(1)
    expect(JSON.parse(text)).toMatchObject({ outcome: 'deny', nearest: { gap: 'Method', role: 'caller' } })
  })

  it('takes a client by its id too, and names it by its name', async () => {
    await store(rowsOf())
    const { code, text } = await run('--client', alice.clientId, 'GET', '/api/things')
    expect([code, text]).toEqual([0, expect.stringContaining(`Client      callers/alice (${alice.clientId})`)])
    const denied = await run('--client', bob.clientId, 'GET', '/api/things')
    expect(denied.text).toContain('clients:\n    - namespace: callers\n      name: bob\n')
  })

  it('says of an id that nobody has that it is unknown, or granted nothing here, and proposes no grant to it', async () => {
    await store(rowsOf())
    const { code, text } = await run('--client', 'sc_nobody', 'GET', '/api/things')
    expect([code, text.split('\n', 1)[0]]).toEqual([1, 'DENIED 401 invalid_token'])
    expect(text).toContain('sc_nobody is unknown, or granted nothing here')
    expect(text).not.toContain('kind: AccessGrant')
  })

  it('prints of manifests only client ids that the cluster has, and says what it needs to tell the others', async () => {
    const derived = accessYaml().replace('spec: { clientId: callers.alice }', 'spec: {}')
    const ask = ['--manifests', folder, '--client', 'callers/alice', 'GET', '/api/x']
    const idOf = async () => (JSON.parse((await run(...ask, '--json')).text) as { client: object }).client
    await writeFile(join(folder, 'access.yaml'), derived)
    const { text } = await run(...ask)
    expect(text).toContain('at a guard without a cluster; for the id in the cluster add its Namespace')
    expect(text).toContain('kubectl get namespace callers -o yaml')
    expect(await idOf()).not.toHaveProperty('clientId')

    const uid = '6f1c1a5e-9a0f-4a51-8e51-0c5a6d0f7b11'
    const namespace = `apiVersion: v1\nkind: Namespace\nmetadata: { name: callers, uid: ${uid} }\n`
    await writeFile(join(folder, 'namespace.yaml'), namespace)
    const object = { metadata: { name: 'alice', namespace: 'callers' }, spec: {} }
    const inCluster = clientIdOf(object as never, uid, 'default')
    expect(await idOf()).toMatchObject({ name: 'callers/alice', clientId: inCluster })
    expect((await run(...ask)).text).toContain(`callers/alice (${inCluster})\n`)
    const byId = await run('--manifests', folder, '--client', inCluster, 'GET', '/api/x')
    expect(byId.text).toContain(`callers/alice (${inCluster})\n`)

    await rm(join(folder, 'namespace.yaml'))
    await writeFile(join(folder, 'access.yaml'), accessYaml())
    expect(await idOf()).toMatchObject({ clientId: 'callers.alice' })
  })

  it('says of a folder whose document is no ConfigMap why, what it passed over, and nothing of keys', async () => {
    const service = 'targetRef: { name: orders, port: 80 }'
    const yaml = accessYaml().replace(service, `${service}\n  openapi: { configMapRef: { name: orders-api } }`)
    const minted = `---
apiVersion: latchkey.dev/v1alpha1
kind: AccessKey
metadata: { name: minted, namespace: callers }
spec: { clientRef: { name: alice } }
`
    await writeFile(join(folder, 'access.yaml'), yaml + minted)
    await writeFile(join(folder, 'openapi.yaml'), 'openapi: 3.1.0\npaths: { /a: { get: {} } }\n')
    const asked = run('--manifests', folder, '--client', 'callers/alice', 'GET', '/a')
    const message = await asked.catch((error: Error) => error.message)
    expect(message).toContain('There is no ConfigMap orders-api in namespace shop. Create it.')
    expect(message).toMatch(/openapi\.yaml.*no Kubernetes object/)
    expect(message).not.toContain('AccessKey')
  })

  it('prints nothing of a policy or a call that could draw on a terminal', async () => {
    await store(rowsOf({ grant: { attributes: { note: '\u001b[2Jx\u202e' } } }))
    const { text } = await run('--client', 'callers/alice', 'GET', '/api/\u001b[2J')
    for (const character of ['\u001b', '\u202e']) expect(text).not.toContain(character)
  })

  it.each([
    ['a file that is no snapshot', ['--snapshot', '/dev/null'], 'is no stored snapshot'],
    ['the snapshot of another service', ['--service', 'shop/other'], 'is of shop/orders'],
    ['manifests that are not there', ['--manifests', '/no/such/folder'], 'cannot be read: ENOENT'],
  ])('refuses %s', async (_, args, message) => {
    await store(rowsOf())
    await expect(run(...args, '--client', `callers/${bob.row.name}`, 'GET', '/x')).rejects.toThrow(message)
  })
})
