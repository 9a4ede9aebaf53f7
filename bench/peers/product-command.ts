import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../../test/cluster/binaries.ts'
import { guardContainer } from '../../webhook/injection/guard-container.ts'
import type { Container } from '../../webhook/injection/pod.ts'
import { issuer, service } from '../policy/clients.ts'

/** How the product itself runs a guard: Node's flags and variables as the image and the webhook set them. */
export interface ProductCommand {
  readonly command: string
  /** Up to and with the entry of the bundle. */
  readonly args: readonly string[]
  /** What Node reads. */
  readonly nodeEnv: Readonly<Record<string, string>>
  /** What the guard reads. */
  readonly guardEnv: Readonly<Record<string, string>>
}

/** @param dist where the bundle is; default: this tree's. @throws Error when there is no bundle */
export function productCommand(node: string, dist: string = join(repositoryRoot, 'dist')): ProductCommand {
  if (!existsSync(join(dist, 'latchkey.mjs'))) throw new Error('there is no dist/latchkey.mjs: run make build')
  const container = guardContainer(
    { image: 'latchkey', pullPolicy: 'Never', snapshotUrl: 'https://127.0.0.1:1', issuerUrl: issuer, resources: {} },
    { service, upstream: 'http://127.0.0.1:1', probes: [] },
  )
  return commandOf(node, dist, readFileSync(join(repositoryRoot, 'Dockerfile'), 'utf8'), container)
}

/** The container of an image, as a command of this machine: another Node, and the bundle where it was built. */
export function commandOf(
  node: string,
  dist: string,
  dockerfile: string,
  container: { readonly env?: Container['env']; readonly command?: unknown },
): ProductCommand {
  const entrypoint = /^ENTRYPOINT (\[.*\])$/m.exec(dockerfile)?.[1]
  const command = (container.command ?? JSON.parse(entrypoint ?? '[]')) as string[]
  const ofImage = [...dockerfile.matchAll(/^ENV (\w+)=(.*)$/gm)].map(
    ([, name = '', value = '']) => [name, value] as const,
  )
  const ofContainer = (container.env ?? []).flatMap(({ name, value }) =>
    value === undefined ? [] : [[name, value] as const],
  )
  const isOurs = ([name]: readonly [string, string]): boolean => name.startsWith('LATCHKEY_')
  const values = [...ofImage, ...ofContainer]
  return {
    command: node,
    args: command.slice(1).map(part => part.replace(/^\/app\//, `${dist}/`)),
    nodeEnv: Object.fromEntries(values.filter(value => !isOurs(value))),
    guardEnv: Object.fromEntries(values.filter(isOurs)),
  }
}
