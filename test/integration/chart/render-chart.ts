import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import type { KubeObject } from '../../../platform/kube/client.ts'
import { helmPath, kubectlPath, repositoryRoot } from '../../cluster/binaries.ts'
import { run } from '../../cluster/command.ts'

export const chart = join(repositoryRoot, 'charts/latchkey')

export interface Rendering {
  readonly values?: object
  readonly release?: string
  readonly namespace?: string
}

/** An object as a template gives it. */
export type Manifest = KubeObject & { readonly kind: string; readonly spec?: never; readonly rules?: never }

/** `helm template`: every object of the chart under these values. */
export async function renderChart(rendering: Rendering = {}): Promise<Manifest[]> {
  const { values = {}, release = 'latchkey', namespace = 'latchkey-system' } = rendering
  const args = ['template', release, chart, '--namespace', namespace, '--values', '-']
  const text = await run(await helmPath(), args, { input: JSON.stringify(values) })
  return parseAllDocuments(text).flatMap(document => (document.toJS() as Manifest | null) ?? [])
}

/** What `helm install` prints: NOTES.txt under these values. */
export async function renderNotes(values: object): Promise<string> {
  const args = ['install', 'latchkey', chart, '--namespace', 'latchkey-system', '--dry-run=client', '--values', '-']
  const said = await run(await helmPath(), args, { input: JSON.stringify(values) })
  return said.slice(said.indexOf('\nNOTES:'))
}

/** `kubectl` as the user of this kubeconfig. */
export async function kubectl(kubeconfig: string, args: string[], objects?: readonly object[]): Promise<string> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects ?? [] })
  return await run(await kubectlPath(), ['--kubeconfig', kubeconfig, ...args], objects ? { input } : {})
}

/** Whether an object is one that decides about others' admission. */
export const isPolicy = ({ kind }: Manifest): boolean => kind.startsWith('ValidatingAdmissionPolicy')
export const isWebhook = ({ kind }: Manifest): boolean => kind.endsWith('WebhookConfiguration')
