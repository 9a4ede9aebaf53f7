import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repositoryRoot } from './binaries.ts'
import { run, succeeds } from './command.ts'
import { say, step } from './progress.ts'
import { type Health, kubeconfigPath } from './real-cluster.ts'

const name = 'latchkey'
// The Kubernetes version of the cluster built from Go modules.
const nodeImage = 'docker.io/kindest/node:v1.35.4'
const directory = join(repositoryRoot, 'build', 'kind')
/** As the cluster without Docker has it: the API server reads this file again by itself. */
export const kindAuthenticationConfigPath = join(directory, 'authentication-config.yaml')

/** Whether a Docker engine answers; then the cluster is kind's. */
export function usesKind(): Promise<boolean> {
  return succeeds('docker', ['info'], { timeoutMs: 10_000 })
}

async function kind(args: string[]): Promise<string> {
  return await run('kind', args).catch(cause => {
    if (cause?.cause?.code !== 'ENOENT') throw cause
    throw new Error('kind is not on the PATH; install it (go install sigs.k8s.io/kind) and try again', { cause })
  })
}

async function exists(): Promise<boolean> {
  return (await kind(['get', 'clusters'])).split('\n').includes(name)
}

/** Makes the cluster unless it is there, and writes its kubeconfig. */
export async function kindUp(): Promise<void> {
  if ((await exists()) && (await kindStatus()).healthy) say('the cluster runs already')
  else {
    if (await exists()) await step('clean up what was left', kindDown)
    await mkdir(directory, { recursive: true })
    await writeFile(
      kindAuthenticationConfigPath,
      'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt: []\n',
    )
    const template = await readFile(join(import.meta.dirname, 'kind.yaml'), 'utf8')
    const config = join(directory, 'kind.yaml')
    await writeFile(config, template.replaceAll('AUTHENTICATION_DIRECTORY', directory))
    await step('kind create cluster', () =>
      kind([
        'create',
        'cluster',
        '--config',
        config,
        '--image',
        nodeImage,
        '--wait',
        '180s',
        '--kubeconfig',
        kubeconfigPath,
      ]),
    )
  }
  await writeFile(kubeconfigPath, await kind(['get', 'kubeconfig', '--name', name]), { mode: 0o600 })
  await chmod(kubeconfigPath, 0o600)
}

export async function kindDown(): Promise<void> {
  await kind(['delete', 'cluster', '--name', name, '--kubeconfig', kubeconfigPath])
}

export async function kindStatus(): Promise<Health> {
  if (!(await exists())) return { running: false, healthy: false, lines: ['no cluster'] }
  if (!existsSync(kubeconfigPath)) return { running: true, healthy: false, lines: ['FAILED kubeconfig'] }
  const args = ['--kubeconfig', kubeconfigPath, 'wait', 'node', '--all', '--for=condition=Ready', '--timeout=5s']
  const healthy = await succeeds('kubectl', args)
  return { running: true, healthy, lines: [`${healthy ? 'ok    ' : 'FAILED'} node is Ready`] }
}

/** Gives the cluster's node an image that Docker has. */
export async function kindLoad(reference: string): Promise<void> {
  await kind(['load', 'docker-image', reference, '--name', name])
}
