import { spawn } from 'node:child_process'
import { helmPath, kubectlPath, repositoryRoot } from '../cluster/binaries.ts'
import { run } from '../cluster/command.ts'
import { buildImage, buildLatchkeyImage, type Image, loadImage } from '../cluster/image.ts'
import { kubeconfigPath } from '../cluster/real-cluster.ts'

export const systemNamespace = 'latchkey-system'

/** Runs kubectl as the cluster's administrator. @throws Error with what kubectl wrote */
export async function kubectl(args: string[], input?: string): Promise<string> {
  return await run(await kubectlPath(), ['--kubeconfig', kubeconfigPath, ...args], input === undefined ? {} : { input })
}

/** Runs helm as the cluster's administrator. */
export async function helm(args: string[]): Promise<string> {
  return await run(await helmPath(), ['--kubeconfig', kubeconfigPath, ...args])
}

/** Starts the cluster unless it runs. Its progress is shown. */
export async function clusterUp(): Promise<void> {
  await shown(process.execPath, ['test/cluster/up.ts'])
}

/** Bundles, builds the image and gives it to the cluster. */
export async function latchkeyImage(): Promise<Image> {
  await run(process.execPath, ['build.ts'], { cwd: repositoryRoot })
  const image = await buildLatchkeyImage()
  await loadImage(image.reference)
  return image
}

/** The example's image: its API and its caller. */
export async function ordersImage(): Promise<Image> {
  const context = `${repositoryRoot}examples/orders`
  await run(process.execPath, ['examples/orders/build.ts'], { cwd: repositoryRoot })
  const image = await buildImage({
    name: 'latchkey-orders',
    dockerfile: `${context}/Dockerfile`,
    context,
    contents: ['dist'],
  })
  await loadImage(image.reference)
  return image
}

export interface Installation {
  readonly release: string
  readonly namespace: string
  readonly image: Image
  readonly values?: readonly string[]
}

/** `helm upgrade --install … --wait`, as the README says it. */
export async function installChart({ release, namespace, image, values = [] }: Installation): Promise<void> {
  await helm([
    ...['upgrade', '--install', release, `${repositoryRoot}charts/latchkey`],
    ...['--namespace', namespace, '--create-namespace', '--wait', '--timeout', '5m'],
    ...['--set', `image.reference=${image.reference}`],
    ...values.flatMap(value => ['--set', value]),
  ])
}

function shown(command: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: repositoryRoot, stdio: ['ignore', 2, 2] })
    child.once('error', reject)
    child.once('exit', code => (code === 0 ? resolve() : reject(new Error(`${args[0]} ended with ${code}`))))
  })
}
