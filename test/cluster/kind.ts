import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { noAuthenticators } from './api-server.ts'
import { kubectlPath, repositoryRoot } from './binaries.ts'
import { kindBinary } from './build-binaries.ts'
import { run, succeeds } from './command.ts'
import { say, step } from './progress.ts'
import { type Health, kubeconfigPath } from './real-cluster.ts'

const name = 'latchkey'
const directory = join(repositoryRoot, 'build', 'kind')
/** Mounted into the node; the API server reads it again by itself when a test writes to it. */
export const kindAuthenticationConfigPath = join(directory, 'authentication-config.yaml')

/** Whether a Docker engine answers; then the cluster is kind's and images are Docker's. */
export function dockerAnswers(): Promise<boolean> {
  return succeeds('docker', ['info'], { timeoutMs: 10_000 })
}

const kind = async (args: string[]) => run(await kindBinary(), args)

async function exists(): Promise<boolean> {
  return (await kind(['get', 'clusters'])).split('\n').includes(name)
}

/** Makes the cluster unless a healthy one is there, and writes its kubeconfig. */
export async function kindUp(): Promise<void> {
  await mkdir(directory, { recursive: true })
  if (await exists()) {
    await exportKubeconfig()
    if ((await kindStatus()).healthy) return say('the cluster runs already')
    await step('clean up what was left', kindDown)
  }
  await writeFile(kindAuthenticationConfigPath, noAuthenticators)
  const template = await readFile(join(import.meta.dirname, 'kind.yaml'), 'utf8')
  const config = join(directory, 'kind.yaml')
  await writeFile(config, template.replaceAll('AUTHENTICATION_DIRECTORY', directory))
  const args = ['create', 'cluster', '--config', config, '--wait', '180s', '--kubeconfig', kubeconfigPath]
  await step('kind create cluster', () => kind(args))
  await exportKubeconfig()
}

async function exportKubeconfig(): Promise<void> {
  await writeFile(kubeconfigPath, await kind(['get', 'kubeconfig', '--name', name]), { mode: 0o600 })
}

export async function kindDown(): Promise<void> {
  await kind(['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfigPath])
}

export async function kindStatus(): Promise<Health> {
  if (!(await exists())) return { running: false, healthy: false, lines: ['no cluster'] }
  if (!existsSync(kubeconfigPath)) return { running: true, healthy: false, lines: ['FAILED kubeconfig is not there'] }
  const args = ['--kubeconfig', kubeconfigPath, 'wait', 'node', '--all', '--for=condition=Ready', '--timeout=5s']
  const healthy = await succeeds(await kubectlPath(), args)
  return { running: true, healthy, lines: [`${healthy ? 'ok    ' : 'FAILED'} node is Ready`] }
}

/** Gives the cluster's node an image that Docker has. */
export async function kindLoad(reference: string): Promise<void> {
  await kind(['load', 'docker-image', reference, '--name', name])
}
