import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { run } from '../cluster/command.ts'
import { type LocalIssuer, makeKey, startLocalIssuer } from '../strangers/local-issuer.ts'

const root = resolve(import.meta.dirname, '../..')
const node = join(root, 'node_modules/.bin/node')
let project: string

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'latchkey-sdk-'))
  await run(node, [join(root, 'sdk/build.ts')])
  await run('npm', ['pack', '--silent', '--pack-destination', project], { cwd: join(root, 'sdk') })
  writeFileSync(join(project, 'package.json'), '{"name":"user","private":true,"type":"module"}')
  const [archive = ''] = readdirSync(project).filter(name => name.endsWith('.tgz'))
  await run('npm', ['install', '--silent', '--offline', '--no-audit', '--no-fund', `./${archive}`], { cwd: project })
}, 120_000)
afterAll(() => rmSync(project, { recursive: true, force: true }))

test('the packed package brings nothing else along and holds no source', () => {
  const installed = readdirSync(join(project, 'node_modules')).filter(name => !name.startsWith('.'))
  expect(installed).toEqual(['@latchkey'])
  const files = readdirSync(join(project, 'node_modules/@latchkey/sdk'), { recursive: true }).map(String)
  expect(files.filter(name => name.endsWith('.ts') && !name.endsWith('.d.ts'))).toEqual([])
  expect(files).toContain('README.md')
})

test('plain JavaScript signs with one entry and verifies with another', async () => {
  const issuer = await startLocalIssuer()
  try {
    expect(await runUser(issuer)).toBe('sc_user wrong_audience true undefined\n')
  } finally {
    await issuer.close()
  }
})

function runUser(issuer: LocalIssuer): Promise<string> {
  const program = `
    import { AccessError, createFetch, tokenProvider } from '@latchkey/sdk'
    import { expressLatchkey, callerOf } from '@latchkey/sdk/express'
    import { fastifyLatchkey } from '@latchkey/sdk/fastify'
    import { honoLatchkey } from '@latchkey/sdk/hono'
    import { verifier } from '@latchkey/sdk/verifier'
    const provider = tokenProvider({ env: process.env })
    const verify = verifier({ issuer: process.env.ISSUER, audience: 'https://orders.shop.svc', ca: process.env.CA })
    const { clientId } = await verify.verify(await provider.token('https://orders.shop.svc'))
    const error = await verify.verify(await provider.token('https://other.shop.svc')).catch(reason => reason)
    for (const one of [createFetch, expressLatchkey, fastifyLatchkey, honoLatchkey]) if (typeof one !== 'function') throw one
    console.log(clientId, error.code, error instanceof AccessError, callerOf({}))
  `
  const env = {
    LATCHKEY_PRIVATE_JWK: JSON.stringify(issuer.addClient('sc_user', 'Ed25519')),
    ISSUER: issuer.url,
    CA: readFileSync(issuer.caFile, 'utf8'),
  }
  return run(node, ['--input-type=module', '--eval', program], { cwd: project, env })
}

describe('the README', () => {
  const blocks = [...readFileSync(join(root, 'sdk/README.md'), 'utf8').matchAll(/```js\n(.*?)```/gs)].map(
    ([, code]) => code,
  )
  const guard = `
    globalThis.fetch = async (url, init) => {
      const token = new Headers(init?.headers).get('authorization')?.split('.')[1] ?? ''
      const { aud } = JSON.parse(Buffer.from(token, 'base64url').toString())
      return new Response('[]', { headers: { 'latchkey-decision': 'allow; reason=granted; by=guard; aud=' + aud } })
    }
  `

  test('has examples that run as they stand', async () => {
    for (const framework of ['express', 'fastify', 'hono'])
      symlinkSync(join(root, 'node_modules', framework), join(project, 'node_modules', framework))
    writeFileSync(join(project, 'guard.mjs'), guard)
    const env = {
      LATCHKEY_PRIVATE_JWK: JSON.stringify({ ...makeKey('Ed25519').secret, client_id: 'sc_x', issuer: 'https://x' }),
    }
    const said: string[] = []
    for (const [number, code = ''] of blocks.entries()) {
      writeFileSync(join(project, `example-${number}.mjs`), code)
      said.push(await run(node, ['--import', './guard.mjs', `example-${number}.mjs`], { cwd: project, env }))
    }
    expect(said).toEqual(['200 allow; reason=granted; by=guard; aud=https://orders.shop.svc\n', ...Array(7).fill('')])
  })
})

describe('the declarations', () => {
  test('check strictly in a project that has Node’s types and no others', async () => {
    mkdirSync(join(project, 'node_modules/@types'), { recursive: true })
    symlinkSync(join(root, 'node_modules/@types/node'), join(project, 'node_modules/@types/node'))
    cpSync(join(root, 'node_modules/undici-types'), join(project, 'node_modules/undici-types'), { recursive: true })
    writeFileSync(
      join(project, 'user.ts'),
      `import { createFetch, type TokenProvider, tokenProvider } from '@latchkey/sdk'
       import { callerOf, expressLatchkey } from '@latchkey/sdk/express'
       import { fastifyLatchkey } from '@latchkey/sdk/fastify'
       import { honoLatchkey } from '@latchkey/sdk/hono'
       import { type Caller, verifier } from '@latchkey/sdk/verifier'
       import { createServer } from 'node:http'
       const provider: TokenProvider = tokenProvider({ env: process.env })
       const answer: Response = await createFetch(provider)('http://orders.shop/orders')
       const verify = verifier({ issuer: 'https://issuer.example/default', audience: 'https://orders.shop.svc' })
       const guard = expressLatchkey(verify, { authorize: (caller: Caller) => caller.clientId === 'sc_x' })
       createServer((request, response) => guard(request, response, () => response.end(callerOf(request)?.clientId)))
       export { answer, fastifyLatchkey, honoLatchkey }
      `,
    )
    const options = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--module', 'nodenext', '--target', 'es2024']
    await run(join(root, 'node_modules/.bin/tsc'), [...options, '--types', 'node', 'user.ts'], { cwd: project })
  })
})
