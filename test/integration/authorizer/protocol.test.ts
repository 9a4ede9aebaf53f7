import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { repositoryRoot } from '../../cluster/binaries.ts'
import { envoyProtos } from '../../strangers/envoy-protos.ts'

const ours = join(repositoryRoot, 'authorizer/grpc/proto')
let theirs: string
beforeAll(async () => {
  theirs = await envoyProtos()
}, 120_000)

/** Every field, enum value and method of a proto, by its path: `Message.Inner.field` → `type = number`. */
function declarations(text: string): Map<string, string> {
  const bare = text
    .replace(/\/\/.*$/gm, '')
    .replace(/\/\*.*?\*\//gs, '')
    // Options: they say nothing of the wire.
    .replace(/\boption\b[^;]*;/g, '')
    .replace(/\[[^\]]*\]/gs, '')
  const found = new Map<string, string>()
  const path: string[] = []
  const word =
    /\b(message|enum|oneof|service)\s+(\w+)\s*\{|(rpc\s+\w+[^;{]*)(?:;|\{\s*\})|((?:repeated\s+)?(?:map\s*<[^>]*>|[\w.]+)\s+)?(\w+)\s*=\s*(\d+)\s*;|package\s+([\w.]+);|(\{)|(\})/g
  for (const [, kind, name, rpc, type = '', field, number, pack, open, close] of bare.matchAll(word)) {
    // A oneof is no part of a field's path, and moves nothing on the wire.
    if (kind !== undefined) path.push(kind === 'oneof' ? '' : (name ?? ''))
    else if (open !== undefined) path.push('')
    else if (close !== undefined) path.pop()
    else if (pack !== undefined) found.set('package', pack)
    else if (rpc !== undefined) found.set(rpc.replace(/\s+/g, ' ').trim(), 'rpc')
    else found.set([...path.filter(part => part !== ''), field].join('.'), `${type.replace(/\s+/g, '')} = ${number}`)
  }
  return found
}

async function protos(): Promise<string[]> {
  const entries = await readdir(ours, { recursive: true, withFileTypes: true })
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name).slice(ours.length + 1))
}

it('has every declaration of its protos from Envoy, with its type and number', async () => {
  let compared = 0
  for (const file of await protos()) {
    const home = file.startsWith('google/') ? 'googleapis' : 'envoy-api'
    const [own, full] = await Promise.all(
      [join(ours, file), join(theirs, home, file)].map(async path => declarations(await readFile(path, 'utf8'))),
    )
    for (const [path, declaration] of own ?? []) {
      expect([file, path, full?.get(path)]).toEqual([file, path, declaration])
      compared++
    }
  }
  expect(compared).toBeGreaterThan(35)
})
