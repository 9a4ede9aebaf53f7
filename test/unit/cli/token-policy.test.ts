import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Row } from '../../../core/rows/rows.ts'
import { accessYaml, manifestToken } from '../../guard/access-manifests.ts'
import { podRows, podToken } from '../../guard/pod-rows.ts'
import { alice, audience, bob, createCaller, issuer, rowsOf } from '../../guard/policy-rows.ts'
import { folderForEach, run } from './inspect-token.ts'

const folder = folderForEach()

describe('latchkey token inspect, with a policy', () => {
  it('says which service takes it, whose it is, and that the signature was checked', async () => {
    const { code, text } = await run(alice.token(), ...(await folder.store(rowsOf())))
    expect(code).toBe(0)
    expect(text).toContain('TAKEN by shop/orders')
    expect(text).toContain(`proved: callers/alice (${alice.clientId}), key ${alice.key.kid}; not shown`)
  })

  it.each<[string, string, readonly Row[], string]>([
    [
      'with a revoked key',
      alice.token(),
      rowsOf({ alice: { keys: [{ ...alice.key, revoked: true }] } }),
      'key_revoked',
    ],
    ['for another service', alice.token({ aud: 'https://other.shop.svc' }), rowsOf(), 'wrong_audience'],
    ['of a pod that is gone', podToken(), podRows([]), 'pod_unknown'],
  ])('says why one %s is refused', async (_, text, rows, reason) => {
    const { code, text: out } = await run(text, '-o', 'json', ...(await folder.store(rows)))
    expect(code).toBe(1)
    expect(JSON.parse(out).services).toEqual([{ service: 'shop/orders', audience, verdict: 'refused', reason }])
  })

  const carol = createCaller('carol')
  it.each<[string, string, readonly Row[], string[]]>([
    [
      'unknown client',
      alice.token(),
      rowsOf().filter(row => row.type !== 'client'),
      ['is of no client that this policy knows: the client is unknown', `kid ${alice.key.kid} is no key that this`],
    ],
    [
      'unknown kid',
      alice.token({}, { kid: 'x' }),
      rowsOf(),
      [`kid x is no key of the client callers/alice, which has`],
    ],
    [
      'kid of another client',
      alice.token({}, { kid: bob.key.kid }),
      rowsOf(),
      ['kid is a key of the client callers/bob, not of callers/alice', 'The signature is not of AccessKey bob-key'],
    ],
    [
      'issuer of another client',
      alice.token({ iss: bob.row.issuer }),
      rowsOf(),
      ['kid is a key of the client callers/alice, not of callers/bob'],
    ],
    [
      'issuer of no client',
      alice.token({ iss: `${issuer}/v2/v1/clients/${alice.clientId}` }),
      rowsOf(),
      [`the client callers/alice, whose key kid names, has ${alice.row.issuer}.`],
    ],
    [
      'algorithm of another kind of key',
      alice.token({}, { alg: 'ES256' }),
      rowsOf(),
      ['alg is ES256, and the key of AccessKey alice-key is Ed25519: write EdDSA or Ed25519'],
    ],
    [
      'signature of another key',
      carol.token({ iss: alice.row.issuer, sub: alice.clientId, client_id: alice.clientId }, { kid: alice.key.kid }),
      rowsOf(),
      ['The signature is not of AccessKey alice-key: another private key signed'],
    ],
    [
      'algorithm and signature of another key',
      carol.token({ iss: alice.row.issuer }, { kid: alice.key.kid, alg: 'ES256' }),
      rowsOf(),
      ['The signature is none of this key either.'],
    ],
    ['pod of no client', podToken(), podRows([]).filter(row => row.type !== 'client'), ['lists the service account']],
    ['pod of another cluster', podToken({ iss: 'https://other' }), podRows(), ['it is of another cluster']],
    ['pod with an unknown kid', podToken({}, { kid: 'x' }), podRows(), ["is no key of this cluster's service account"]],
    ['pod where no cluster is known', podToken(), rowsOf(), ['no keys of service account tokens']],
  ])('names the cause where nobody is proved: %s', async (_, text, rows, expected) => {
    const policy = await folder.store(rows)
    const { code, text: out } = await run(text, ...policy)
    expect(code).toBe(1)
    for (const cause of expected) expect(out).toContain(cause)
    expect(out).not.toContain('says whether the token is malformed')
  })

  it('takes a folder of manifests, asks every service in it, and says what manifests cannot tell', async () => {
    await writeFile(
      join(folder.path, 'access.yaml'),
      accessYaml({
        extra: `---
apiVersion: latchkey.dev/v1alpha1
kind: GuardedService
metadata: { name: basket, namespace: shop }
spec: { targetRef: { name: basket, port: 80 } }
---
apiVersion: latchkey.dev/v1alpha1
kind: ApiClient
metadata: { name: minted, namespace: callers }
spec: { clientId: callers.minted }
---
apiVersion: latchkey.dev/v1alpha1
kind: AccessGrant
metadata: { name: minted-calls, namespace: shop }
spec: { roleRef: { name: caller }, clients: [{ namespace: callers, name: minted }] }
`,
      }),
    )
    const manifests = ['--manifests', folder.path, '--issuer', issuer]
    const taken = await run(manifestToken(), ...manifests)
    expect([taken.code, taken.text]).toEqual([0, expect.stringContaining('TAKEN by shop/orders')])
    expect(taken.text).toContain('- shop/basket: another audience, https://basket.shop.svc')
    const foreign = bob.token({ iss: `${issuer}/v1/clients/callers.minted` }, { kid: alice.key.kid })
    expect((await run(foreign, ...manifests)).text).toContain('kid is a key of the client callers/alice, not of')
    const forged = `${manifestToken().slice(0, -6)}AAAAAA`
    expect((await run(forged, ...manifests)).text).toContain(
      '- shop/orders: refuses it: invalid_token. The signature is not of',
    )
    const minted = bob.token({
      iss: `${issuer}/v1/clients/callers.minted`,
      sub: 'callers.minted',
      client_id: 'callers.minted',
    })
    const unproved = await run(minted, ...manifests)
    expect([unproved.code, unproved.text]).toEqual([1, expect.stringMatching(/^NOT PROVED: /)])
    expect(unproved.text).toContain('its key is not in these files: keys are minted in a cluster')
    expect((await run(bob.token(), ...manifests)).text).toContain('it is unknown, or granted nothing here')
    const pod = await run(podToken(), ...manifests, '--service', 'shop/orders')
    expect([pod.code, pod.text]).toEqual([1, expect.stringContaining('service account tokens need a cluster')])
    await expect(run(alice.token(), '--manifests', '/no/such')).rejects.toThrow('cannot be read')
  })
})
