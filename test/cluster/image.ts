import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { baseImageContext, baseImageKey } from './base-image.ts'
import { cacheDirectory, keyOf, repositoryRoot } from './binaries.ts'
import { run, succeeds } from './command.ts'
import { dockerAnswers, kindLoad } from './kind.ts'
import { withLock } from './lock.ts'
import { ctr } from './node-runtime.ts'
import { installImagePackages } from './packages.ts'
import { runScript, say, step } from './progress.ts'

export type ImageRequest = {
  /** Repository of the reference: `latchkey` gives `localhost/latchkey:<12 hex>`. */
  name: string
  dockerfile: string
  context: string
  /** What of the context the image is made of; all of it when absent. A change in here makes another image. */
  contents?: string[]
  buildArgs?: Record<string, string>
}
/** `digest` and `sizeBytes` as the builder stores it: buildah compressed, Docker not. */
export type Image = { reference: string; digest: string; sizeBytes: number }

const images = () => join(cacheDirectory(), 'images')
const recordOf = (reference: string) => join(images(), `${keyOf(reference)}.json`)
export const archiveOf = (reference: string) => join(images(), `${keyOf(reference)}.tar`)

/**
 * Builds an image with Docker, or with buildah where no Docker answers. The tag is made from what goes in, so that an
 * unchanged image is neither built nor loaded again. A Dockerfile that begins with `ARG NODE_IMAGE` gets a local base
 * from buildah, as none can be pulled there.
 */
export async function buildImage(request: ImageRequest): Promise<Image> {
  const docker = await dockerAnswers()
  const digests = await digestsOf(request.context, request.contents ?? ['.'])
  const base = docker ? 'docker' : baseImageKey()
  const key = keyOf(await readFile(request.dockerfile), digests, JSON.stringify(request.buildArgs ?? {}), base)
  const reference = `localhost/${request.name}:${key.slice(0, 12)}`
  await mkdir(images(), { recursive: true })
  return await withLock(join(cacheDirectory(), 'images.lock'), async () => {
    const known = await knownImage(reference, docker)
    if (known) return known
    const built = await step(`build ${reference}`, () => (docker ? withDocker : withBuildah)(request, reference))
    await writeFile(recordOf(reference), JSON.stringify({ ...built, name: request.name }))
    return built
  })
}

async function knownImage(reference: string, docker: boolean): Promise<Image | undefined> {
  if (!existsSync(recordOf(reference))) return undefined
  const there = docker ? await succeeds('docker', ['image', 'inspect', reference]) : existsSync(archiveOf(reference))
  if (!there) return undefined
  const { digest, sizeBytes } = JSON.parse(await readFile(recordOf(reference), 'utf8')) as Image
  return { reference, digest, sizeBytes }
}

/** Names and contents of files, in one stable text. */
async function digestsOf(context: string, contents: string[]): Promise<string> {
  const lines: string[] = []
  for (const path of contents) {
    const start = join(context, path)
    const entries = (await stat(start)).isDirectory()
      ? (await readdir(start, { recursive: true, withFileTypes: true })).filter(entry => entry.isFile())
      : undefined
    for (const file of entries?.map(entry => join(entry.parentPath, entry.name)) ?? [start]) {
      lines.push(
        `${relative(context, file)} ${createHash('sha256')
          .update(await readFile(file))
          .digest('hex')}`,
      )
    }
  }
  return lines.sort().join('\n')
}

function argsOf(request: ImageRequest, reference: string, extra: Record<string, string>): string[] {
  const buildArgs = Object.entries({ ...extra, ...request.buildArgs }).map(
    ([name, value]) => `--build-arg=${name}=${value}`,
  )
  return ['--file', request.dockerfile, '--tag', reference, ...buildArgs, request.context]
}

async function withDocker(request: ImageRequest, reference: string): Promise<Image> {
  await run('docker', ['build', ...argsOf(request, reference, {})])
  const [digest = '', size] = (
    await run('docker', ['image', 'inspect', '--format', '{{.Id}} {{.Size}}', reference])
  ).split(' ')
  return { reference, digest, sizeBytes: Number(size) }
}

const runRoot = '/run/latchkey-buildah'
// A store of our own: what is in the machine's is somebody else's.
export const buildah = (args: string[], cwd?: string) =>
  run(
    'buildah',
    [
      '--root',
      join(cacheDirectory(), 'buildah'),
      '--runroot',
      '/run/latchkey-buildah',
      '--storage-driver',
      'vfs',
      ...args,
    ],
    cwd ? { cwd } : {},
  )
const quick = ['build', '--isolation', 'chroot', '--layers=false', '--timestamp', '0', '--format', 'oci', '--quiet']

async function withBuildah(request: ImageRequest, reference: string): Promise<Image> {
  await installImagePackages()
  const base = `localhost/node:26-${baseImageKey()}`
  if ((await buildah(['images', '--quiet', '--filter', `reference=${base}`])).trim() === '') {
    const context = await baseImageContext()
    await step('store the base image', () => buildah([...quick, '--tag', base, context]))
  }
  await forget(request.name)
  await buildah([...quick, '--pull-never', ...argsOf(request, reference, { NODE_IMAGE: base })])
  const archive = archiveOf(reference)
  const written = `${archive}.writing`
  const digestFile = `${archive}.digest`
  await rm(written, { force: true })
  await buildah([
    'push',
    '--quiet',
    '--disable-compression',
    '--digestfile',
    digestFile,
    reference,
    `oci-archive:${written}:${reference}`,
  ])
  await rename(written, archive)
  await buildah(['rmi', '--force', reference])
  const digest = (await readFile(digestFile, 'utf8')).trim()
  await rm(digestFile)
  await rm(runRoot, { recursive: true, force: true })
  return { reference, digest, sizeBytes: (await stat(archive)).size }
}

/** Drops the archives of the image's earlier contents: each is as large as the base. */
async function forget(name: string): Promise<void> {
  for (const file of await readdir(images())) {
    if (!file.endsWith('.json')) continue
    const record = JSON.parse(await readFile(join(images(), file), 'utf8')) as Image & { name: string }
    if (record.name !== name) continue
    await rm(archiveOf(record.reference), { force: true })
    await rm(join(images(), file), { force: true })
  }
}

/** Gives the running cluster's node the image, unless it has it. */
export async function loadImage(reference: string): Promise<void> {
  if (await dockerAnswers()) return await step(`load ${reference}`, () => kindLoad(reference))
  if ((await ctr(['images', 'list', '--quiet', `name==${reference}`])).trim() === reference) return
  const archive = archiveOf(reference)
  if (!existsSync(archive)) throw new Error(`no archive of ${reference}; build it again with make image`)
  await step(`load ${reference}`, () => ctr(['images', 'import', '--index-name', reference, archive]))
}

/** Latchkey's own image, from dist/. */
export async function buildLatchkeyImage(): Promise<Image> {
  if (!existsSync(join(repositoryRoot, 'dist', 'latchkey.mjs'))) {
    throw new Error('dist/latchkey.mjs is not there; run npm run build')
  }
  const dockerfile = join(repositoryRoot, 'Dockerfile')
  const image = await buildImage({ name: 'latchkey', dockerfile, context: repositoryRoot, contents: ['dist'] })
  await mkdir(join(repositoryRoot, 'build'), { recursive: true })
  await writeFile(join(repositoryRoot, 'build', 'image.json'), `${JSON.stringify(image, null, 2)}\n`)
  return image
}

if (import.meta.main) {
  await runScript(async () => {
    const image = await buildLatchkeyImage()
    if (process.argv.includes('--load')) await loadImage(image.reference)
    say(`${image.reference}, ${(image.sizeBytes / 1e6).toFixed(1)} MB`)
  })
}
