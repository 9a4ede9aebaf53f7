import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'
import { kubectlPath, repositoryRoot } from '../cluster/binaries.ts'
import type { Image } from '../cluster/image.ts'
import { kubeconfigPath } from '../cluster/real-cluster.ts'
import { installChart, kubectl, systemNamespace } from '../demo/install.ts'
import { apply, podsOf, read, remove, waitFor } from '../e2e/cluster.ts'
import { type Way, ways } from './caller/ways.ts'
import { type Counts, nothing, sum } from './counts.ts'
import { client, deploymentOf, namespace, type Pace, policy, programOf, reloadAnnotation } from './objects.ts'

export const kinds = Object.keys(ways) as Way[]

interface Key {
  readonly status: {
    readonly keyId: string
    readonly keys: readonly { readonly kid: string; readonly state: string }[]
    readonly conditions: readonly { readonly type: string }[]
  }
}

interface Secret {
  readonly metadata: { readonly uid: string; readonly annotations: Readonly<Record<string, string>> }
  readonly data: Readonly<Record<string, string>>
}

/** Pods of three kinds that call the example's API with one key, while that key rotates. */
export interface RotationLoad {
  /** What the pods of each kind counted until now, of those that are gone too. */
  counts(): Record<Way, Counts>
  all(): Counts
  secret(): Promise<Secret>
  /** Has the key rotate now. @returns the id of the next one, which is in the Secret by then */
  rotate(): Promise<string>
  /** What Reloader does when a Secret was changed in place: it restarts the workloads that name it. */
  reload(): Promise<void>
  /** The kubelet looks at the Secrets of a pod when the pod is changed; by itself within a minute and a half. */
  haveKubeletLook(): Promise<void>
  /** Ends the pods, when their last calls are answered, and all that was made. What they counted stays. */
  stop(): Promise<void>
}

/** Has the demo's installation publish next keys so long ahead, by `helm upgrade`; left out, as long as by default. */
export async function publishAhead(ahead?: string): Promise<void> {
  const image = JSON.parse(readFileSync(join(repositoryRoot, 'build/image.json'), 'utf8')) as Image
  const values = ahead === undefined ? [] : [`keys.publishAhead=${ahead}`]
  await installChart({ release: 'latchkey', namespace: systemNamespace, image, values })
}

/** Starts them in the demo's cluster. */
export async function startRotationLoad(pace: Pace): Promise<RotationLoad> {
  await apply({ apiVersion: 'v1', kind: 'List', items: policy })
  await waitFor(`accesskeys.latchkey.dev/${client}`, namespace, 'condition=Enforced')
  await waitFor('accessgrants.latchkey.dev/rotation-reads-orders', 'shop', 'condition=Enforced')
  const image = await kubectl([
    ...['get', 'deployment', 'caller', '--namespace', 'checkout'],
    ...['--output', 'jsonpath={.spec.template.spec.containers[0].image}'],
  ])
  const items = [programOf(await program()), ...kinds.map(way => deploymentOf(way, image, pace))]
  await apply({ apiVersion: 'v1', kind: 'List', items })
  const followed = new Map<string, FollowedPod>()

  /** Pods that are new are followed from their first line on. */
  async function follow(): Promise<void> {
    for (const way of kinds) {
      await kubectl(['rollout', 'status', `deployment/${way}`, '--namespace', namespace, '--timeout=120s'])
      for (const { metadata } of await podsOf(namespace, `app=${way}`))
        if (!followed.has(metadata.name)) followed.set(metadata.name, await followPod(way, metadata.name))
    }
  }
  await follow()

  const counts = (): Record<Way, Counts> => {
    const of = (way: Way) => sum([...followed.values()].filter(pod => pod.way === way).map(pod => pod.counts()))
    return { sdk: of('sdk'), files: of('files'), environment: of('environment') }
  }
  const key = () => read<Key>('accesskeys.latchkey.dev', namespace, client)
  return {
    counts,
    all: () => sum(Object.values(counts())),
    secret: () => read<Secret>('secrets', namespace, client),
    async rotate() {
      const { keyId: before } = (await key()).status
      const patch = JSON.stringify({ spec: { rotation: { requestedAt: new Date().toISOString() } } })
      await kubectl([
        ...['patch', 'accesskeys.latchkey.dev', client, '--namespace', namespace],
        ...['--type=merge', '--patch', patch],
      ])
      for (let left = 400; left > 0; left--) {
        const { status } = await key()
        const isWhole = status.keys.some(({ kid, state }) => kid === before && state === 'Retiring')
        if (status.keyId !== before && isWhole && !status.conditions.some(({ type }) => type === 'Rotating'))
          return status.keyId
        await new Promise(resolve => setTimeout(resolve, 250))
      }
      throw new Error(`the key did not rotate: ${JSON.stringify((await key()).status, undefined, 2)}`)
    },
    async reload() {
      const text = await kubectl(['get', 'deployments', '--namespace', namespace, '--output', 'json'])
      const { items: deployments } = JSON.parse(text) as {
        items: { metadata: { name: string; annotations: Record<string, string> } }[]
      }
      for (const { metadata } of deployments)
        if (metadata.annotations[reloadAnnotation] === client)
          await kubectl(['rollout', 'restart', `deployment/${metadata.name}`, '--namespace', namespace])
      await follow()
    },
    async haveKubeletLook() {
      const look = `look=${Date.now()}`
      await kubectl(['annotate', 'pods', '--all', '--overwrite', '--namespace', namespace, look])
    },
    async stop() {
      await kubectl(['delete', 'deployments', '--all', '--namespace', namespace])
      await Promise.all([...followed.values()].map(pod => pod.ended))
      await remove('accessgrants.latchkey.dev', 'shop', 'rotation-reads-orders')
      await kubectl(['delete', 'namespace', namespace, '--ignore-not-found', '--wait=false'])
    },
  }
}

interface FollowedPod {
  readonly way: Way
  counts(): Counts
  /** The pod is gone, and all it said was read. */
  readonly ended: Promise<unknown>
}

async function followPod(way: Way, name: string): Promise<FollowedPod> {
  const args = ['--kubeconfig', kubeconfigPath, 'logs', '--follow', '--namespace', namespace, name]
  const child = spawn(await kubectlPath(), args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let last: Counts = { ...nothing, ended: false }
  createInterface({ input: child.stdout }).on('line', line => {
    if (line.startsWith('{')) last = JSON.parse(line) as Counts
    else console.error(`${name}: ${line}`)
  })
  return { way, counts: () => last, ended: once(child, 'close') }
}

/** The callers' program in one file, SDK and jose in it. */
async function program(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'caller/main.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node26',
    logLevel: 'warning',
  })
  return outputFiles[0]?.text ?? ''
}
