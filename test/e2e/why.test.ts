import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { kubectlPath } from '../cluster/binaries.ts'
import { kubeconfigPath } from '../cluster/real-cluster.ts'
import { kubectl } from '../demo/install.ts'

// As docs/troubleshooting.md has it: the command runs in the guard's container, on the snapshot that the guard holds.
const inGuard = [
  'exec',
  '-n',
  'shop',
  'deploy/orders',
  '-c',
  'latchkey-guard',
  '--',
  'node',
  '/app/latchkey.mjs',
  'why',
]

async function why(...question: string[]): Promise<{ status: number | null; text: string }> {
  const args = ['--kubeconfig', kubeconfigPath, ...inGuard, ...question]
  const { status, stdout } = spawnSync(await kubectlPath(), args, { encoding: 'utf8' })
  return { status, text: stdout }
}

it('explains an allowed call from the policy that a running guard holds', async () => {
  const { status, text } = await why('--client', 'checkout/checkout', 'GET', '/orders')
  expect(text).toMatch(/^ALLOWED granted by role\/orders-reader#\d+, grant checkout-reads-orders$/m)
  expect(text).toContain('shop/orders, policy ')
  expect(status).toBe(0)
})

it('says of a denied call what is missing, and in YAML what would allow it', async () => {
  const { status, text } = await why('--client', 'checkout/checkout', 'DELETE', '/orders/1')
  expect(text).toMatch(/^DENIED 403 not_granted$/m)
  expect(text).toMatch(/^kind: (Role|AccessGrant)$/m)
  expect(status).toBe(1)
})

it('takes the client by the id that audit lines and apps have', async () => {
  const id = await kubectl(['get', 'apiclients/checkout', '-n', 'checkout', '-o', 'jsonpath={.status.clientId}'])
  const { status, text } = await why('--client', id.trim(), 'GET', '/orders')
  expect(text).toContain(`checkout/checkout (${id.trim()})`)
  expect(status).toBe(0)
})
