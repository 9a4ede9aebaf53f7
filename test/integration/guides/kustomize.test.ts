import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { kubectlPath, repositoryRoot } from '../../cluster/binaries.ts'
import { run } from '../../cluster/command.ts'

interface Built {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  // biome-ignore lint/suspicious/noExplicitAny: of every kind there is
  readonly spec: any
}

let folder: string
let built: Built[]
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kustomize-'))
  const example = join(repositoryRoot, 'examples/orders/k8s')
  const files = readdirSync(example)
  for (const file of files) cpSync(join(example, file), join(folder, file))
  cpSync(join(repositoryRoot, 'examples/gitops/kustomize-names.yaml'), join(folder, 'kustomize-names.yaml'))
  writeFileSync(join(folder, 'more.yaml'), more)
  const overlay = { namePrefix: 'stage-', configurations: ['kustomize-names.yaml'], resources: [...files, 'more.yaml'] }
  writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(overlay))
  built = parseAllDocuments(await run(await kubectlPath(), ['kustomize', folder])).map(one => one.toJS() as Built)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What the example has none of: a key that is narrowed, a keyless client, a grant within its namespace. */
const more = `
apiVersion: v1
kind: ServiceAccount
metadata: { name: robot, namespace: shop }
---
apiVersion: latchkey.dev/v1alpha1
kind: ApiClient
metadata: { name: robot, namespace: shop }
spec: { serviceAccounts: [{ name: robot }] }
---
apiVersion: latchkey.dev/v1alpha1
kind: AccessKey
metadata: { name: robot, namespace: shop }
spec: { clientRef: { name: robot }, roles: [{ namespace: shop, name: orders-reader }] }
---
apiVersion: latchkey.dev/v1alpha1
kind: AccessGrant
metadata: { name: robot, namespace: shop }
spec: { roleRef: { name: orders-reader }, clients: [{ namespace: shop, name: robot }] }
`

const specOf = (kind: string, name: string) =>
  built.find(one => one.kind === kind && one.metadata.name === `stage-${name}`)?.spec

test('a prefix is carried to every name that one object of ours has of another', () => {
  expect(specOf('AccessKey', 'checkout').clientRef).toEqual({ name: 'stage-checkout' })
  expect(specOf('AccessKey', 'robot').roles).toEqual([{ namespace: 'shop', name: 'stage-orders-reader' }])
  expect(specOf('AccessGrant', 'robot')).toEqual({
    roleRef: { name: 'stage-orders-reader' },
    clients: [{ namespace: 'shop', name: 'stage-robot' }],
  })
  expect(specOf('Role', 'orders-reader').rules[0].services).toEqual(['stage-orders'])
  expect(specOf('GuardedService', 'orders').targetRef.name).toBe('stage-orders')
  expect(specOf('ApiClient', 'robot').serviceAccounts[0].name).toBe('stage-robot')
})

test('and to the label of guarded pods and the Secrets that callers mount', () => {
  expect(specOf('Deployment', 'orders').template.metadata.labels['latchkey.dev/guard']).toBe('stage-orders')
  const volumes = specOf('Deployment', 'caller').template.spec.volumes as { secret?: { secretName: string } }[]
  expect(volumes.flatMap(({ secret }) => secret?.secretName ?? [])).toEqual(['stage-checkout', 'stage-stranger'])
})

test('a client of another namespace is named as it stands, as the guide says', () => {
  expect(specOf('AccessGrant', 'checkout-reads-orders').clients).toEqual([{ namespace: 'checkout', name: 'checkout' }])
})
