import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { kinds } from '../../../core/api/kinds.ts'
import { createOrders } from '../../../examples/orders/api/orders.ts'
import { clientJwk, decode, mountSecret } from './mounted-secret.ts'

const example = resolve(import.meta.dirname, '../../../examples/orders')
const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function serve(listener: RequestListener): Promise<string> {
  const server: Server = createServer(listener)
  cleanups.push(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const newApi = () => serve(createOrders([{ id: '1', item: 'lamp' }]))

describe('the orders API', () => {
  test.each([
    ['GET', '/healthz', undefined, 200, { healthy: true }],
    ['GET', '/orders', undefined, 200, { orders: [{ id: '1', item: 'lamp' }] }],
    ['GET', '/orders?page=1', undefined, 200, { orders: [{ id: '1', item: 'lamp' }] }],
    ['GET', '/orders/1', undefined, 200, { id: '1', item: 'lamp' }],
    ['POST', '/orders', '{"item":"desk"}', 201, { id: '2', item: 'desk' }],
    ['POST', '/orders', '{"item":7}', 400, { error: 'send {"item": "…"}' }],
    ['DELETE', '/orders/1', undefined, 200, { deleted: '1' }],
    ['GET', '/orders/9', undefined, 404, { error: 'no such order' }],
    ['GET', '/else', undefined, 404, { error: 'no such path' }],
    ['PATCH', '/orders', undefined, 405, { error: 'method not allowed' }],
  ])('answers %s %s', async (method, path, body, status, content) => {
    const headers = { 'latchkey-client': 'sc_checkout' }
    const answer = await fetch(`${await newApi()}${path}`, { method, headers, ...(body !== undefined && { body }) })
    expect([answer.status, await answer.json()]).toEqual([status, { calledBy: 'sc_checkout', ...content }])
  })
})

async function runCaller(args: string[]): Promise<{ code: number | null; lines: Record<string, unknown>[] }> {
  const child: ChildProcess = spawn(process.execPath, [join(example, 'caller/main.ts'), ...args])
  const exit = once(child, 'exit')
  const output = child.stdout ? await text(child.stdout) : ''
  const [code] = await exit
  return {
    code,
    lines: output
      .trim()
      .split('\n')
      .map(line => JSON.parse(line)),
  }
}

describe('the caller', () => {
  test('calls with the key of its Secret and prints one line', async () => {
    const key = clientJwk()
    const secret = mountSecret({ 'private.jwk': JSON.stringify(key) })
    cleanups.push(secret.remove)
    let authorization = ''
    const url = await serve((request, response) => {
      authorization = request.headers.authorization ?? ''
      response.writeHead(200, { 'latchkey-decision': 'allow; reason=granted; by=guard' }).end('{"orders":[]}')
    })
    const audience = 'https://orders.shop.svc'
    const args = ['--key', secret.directory, '--audience', audience, 'GET', `${url}/orders`]
    const { code, lines } = await runCaller(args)
    const decision = 'allow; reason=granted; by=guard'
    expect([code, lines]).toEqual([0, [{ status: 200, decision, millis: expect.any(Number), body: { orders: [] } }]])
    expect(decode(authorization.slice('Bearer '.length)).claims).toMatchObject({ aud: audience, sub: key.client_id })
  })

  test('calls without a token when told so', async () => {
    const { code, lines } = await runCaller(['--no-token', 'POST', `${await newApi()}/orders`, '{"item":"desk"}'])
    expect([code, lines[0]?.status, lines[0]?.decision]).toEqual([0, 201, undefined])
  })

  test.each([
    [['GET'], 'failed'],
    [['--else', 'GET', 'http://orders.shop.svc'], 'failed'],
    [['--key', '/nowhere', 'GET', 'http://orders.shop.svc/orders'], 'key_missing'],
  ])('says what is wrong with %j', async (args, error) => {
    const { code, lines } = await runCaller(args)
    expect([code, lines]).toEqual([1, [{ error, message: expect.any(String) }]])
  })
})

describe('the YAML', () => {
  const directory = join(example, 'k8s')
  const objects = readdirSync(directory).flatMap(name =>
    parseAllDocuments(readFileSync(join(directory, name), 'utf8')).map(document => document.toJS()),
  )

  test('is valid where it is of our kinds', () => {
    const ours = objects.filter(object => object.apiVersion === 'latchkey.dev/v1alpha1')
    expect(ours.map(object => object.kind).sort()).toEqual([
      ...['AccessGrant', 'AccessKey', 'AccessKey', 'ApiClient', 'ApiClient', 'GuardedService', 'Role'],
    ])
    for (const object of ours) {
      const kind = kinds.find(one => one.kind === object.kind)
      expect(kind?.spec.safeParse(object.spec)).toMatchObject({ success: true })
    }
  })

  test('names one image, in one place per Deployment', () => {
    const images = objects.filter(object => object.kind === 'Deployment').map(imagesOf)
    expect(images).toEqual([['latchkey-orders:dev'], ['latchkey-orders:dev']])
  })
})

function imagesOf(deployment: { spec: { template: { spec: { containers: { image: string }[] } } } }): string[] {
  return deployment.spec.template.spec.containers.map(({ image }) => image)
}
