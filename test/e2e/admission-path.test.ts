import { expect, it } from 'vitest'
import { kubectl } from '../demo/install.ts'
import { refusal } from './cluster.ts'

interface Configuration {
  readonly webhooks: readonly { readonly clientConfig: { readonly service: { readonly path?: string } } }[]
}

const pathsOf = async (kind: string): Promise<(string | undefined)[]> => {
  const text = await kubectl(['get', kind, 'latchkey', '--output', 'json'])
  return (JSON.parse(text) as Configuration).webhooks.map(({ clientConfig }) => clientConfig.service.path)
}

it('K15 S03 the API server asks at a path that nobody else knows', async () => {
  await expect
    .poll(() => pathsOf('validatingwebhookconfigurations'), { timeout: 90_000 })
    .toEqual([expect.stringMatching(/^\/validate\/[0-9a-f]{32}$/), expect.stringMatching(/^\/validate\/[0-9a-f]{32}$/)])
  await expect
    .poll(() => pathsOf('mutatingwebhookconfigurations'), { timeout: 90_000 })
    .toEqual([expect.stringMatching(/^\/mutate\/[0-9a-f]{32}$/), expect.stringMatching(/^\/mutate\/[0-9a-f]{32}$/)])
  const role = {
    apiVersion: 'latchkey.dev/v1alpha1',
    kind: 'Role',
    metadata: { name: 'refused', namespace: 'shop' },
    spec: { rules: [{ services: ['orders'], methods: ['GET'], paths: ['/a/%41'] }] },
  }
  expect(await refusal(role, ['--dry-run=server'])).toContain('spec.rules[0].paths[0]')
  // Any pod may reach the port; at the path of the first release it is no longer listened to.
  const script = `process.env.NODE_TLS_REJECT_UNAUTHORIZED='0';fetch('https://latchkey-webhook.latchkey-system.svc/validate',{method:'POST',headers:{'content-type':'application/json'},body:'{}'}).then(r=>console.log(r.status))`
  const caller = ['exec', '--namespace', 'checkout', 'deploy/caller', '--container', 'caller', '--', 'node', '-e']
  await expect.poll(async () => (await kubectl([...caller, script])).trim(), { timeout: 90_000 }).toContain('404')
})
