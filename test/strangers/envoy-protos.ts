import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../cluster/command.ts'
import { prepared } from './cache.ts'

/**
 * A folder with Envoy's own protos, as a package of gRPC's carries them. Taken without what that package depends on:
 * only its files are read.
 */
export async function envoyProtos(): Promise<string> {
  const sources = join(import.meta.dirname, 'envoy-protos')
  const directory = await prepared('envoy-protos', sources, async staging => {
    const { name, version, integrity } = JSON.parse(await readFile(join(sources, 'package.json'), 'utf8'))
    await run('npm', ['pack', '--silent', '--pack-destination', staging, `${name}@${version}`])
    const [archive = ''] = (await readdir(staging)).filter(file => file.endsWith('.tgz'))
    const bytes = await readFile(join(staging, archive))
    const found = `sha512-${createHash('sha512').update(bytes).digest('base64')}`
    if (found !== integrity) throw new Error(`${name}@${version} is not what it was: ${found}`)
    await run('tar', ['-xzf', join(staging, archive), '-C', staging])
  })
  return join(directory, 'package/deps')
}
