import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { createClientAsync, listen as listenSoap } from 'soap'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { writeApiKey, writeStaticSecret } from '../../../core/secret/presented.ts'
import { run } from '../../cluster/command.ts'
import { alice, nowSeconds, reader, rowsOf } from '../../guard/policy-rows.ts'
import { sendRaw } from '../../guard/raw-socket.ts'
import { listen, type Rig, startGuard } from '../../guard/rig.ts'
import { zeep } from '../../strangers/strangers.ts'
import { knownSecrets } from '../../unit/core/secret/secrets.ts'

const wsdl = readFileSync(join(import.meta.dirname, '../../builders/orders.wsdl'), 'utf8')
const [one, two] = knownSecrets
const paths = { '1.1': '/soap/orders', '1.2': '/soap12/orders' } as const
const url = (version: keyof typeof paths): string => `http://127.0.0.1:${rig.port}${paths[version]}`
const secretRow = (kind: 'StaticSecret' | 'ApiKey', { keyId, hash }: { keyId: string; hash: string }) => ({
  ...{ kid: keyId, accessKey: 'old-caller', kind, hash, notBefore: nowSeconds() - 60 },
})
const rows = [
  ...rowsOf({
    service: {
      accepts: ['StaticSecret', 'ApiKey'],
      apiKey: { header: 'x-api-key', query: 'api-key' },
      public: Object.values(paths).map(path => ({ path, methods: ['GET'] as const })),
    },
    alice: { secrets: [secretRow('StaticSecret', one), secretRow('ApiKey', two)] },
  }).filter(row => row !== reader),
  { ...reader, rules: [{ index: 0, methods: ['POST'], paths: Object.values(paths) }] },
]
const good = {
  'a static secret': ['Authorization', `Bearer ${writeStaticSecret({ clientId: alice.clientId, ...one })}`],
  'an API key as Basic': ['Authorization', `Basic ${writeApiKey(two)}`],
  'an API key in a header': ['X-Api-Key', writeApiKey(two)],
} as const
const bad = ['Authorization', `Basic ${writeApiKey(knownSecrets[2])}`] as const

let served: string[] = []
let rig: Rig
const ends: (() => Promise<void>)[] = []
beforeAll(async () => {
  const server = createServer()
  const app = await listen(server)
  ends.push(app.close)
  const getOrder = ({ id }: { id: string }) => {
    served.push(id)
    return { status: `order ${id}` }
  }
  const services = { Orders: { Soap11: { getOrder }, Soap12: { getOrder } } }
  // This library answers in one version for each path.
  listenSoap(server, { path: paths['1.1'], services, xml: wsdl })
  listenSoap(server, { path: paths['1.2'], services, xml: wsdl, forceSoap12Headers: true })
  rig = await startGuard(app.port, { rows })
  ends.push(() => rig.close())
  // Installs it the first time.
  await zeep()
}, 300_000)
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})
beforeEach(() => {
  served = []
  rig.apply(rows)
})

const versions = [
  ['1.1', 'Orders11', 'Client'],
  ['1.2', 'Orders12', 'Sender'],
] as const

describe.each(versions)('SOAP %s', (version, binding, side) => {
  const endpoint = () => url(version)
  async function nodeCall([header, value]: readonly [string, string], at = endpoint()): Promise<unknown> {
    const client = await createClientAsync(`${endpoint()}?wsdl`, {
      endpoint: at,
      forceSoap12Headers: version === '1.2',
    })
    client.addHttpHeader(header, value)
    const [answer] = await client.getOrderAsync({ id: '7' })
    return answer
  }

  it.each(Object.entries(good))('by npm soap, lets in who sends %s', async (_, field) => {
    expect(await nodeCall(field)).toEqual({ status: 'order 7' })
    expect(served).toEqual(['7'])
  })

  it('by npm soap, takes an API key in the query of the endpoint', async () => {
    expect(await nodeCall(['X-Other', 'y'], `${endpoint()}?api-key=${writeApiKey(two)}`)).toEqual({ status: 'order 7' })
  })

  it('by npm soap, is refused by a fault, with the status that anybody would get', async () => {
    const failed = await nodeCall(bad).then(
      () => undefined,
      error => error,
    )
    expect(failed.response.status).toBe(401)
    expect(failed.response.headers['latchkey-decision']).toBe('deny; reason=invalid_token; by=guard')
    expect(failed.response.headers['www-authenticate']).toContain('error="invalid_token"')
    expect(failed.message).toContain('invalid_token: ')
    expect(served).toEqual([])
  })

  it('by zeep, is the same', async () => {
    const [command = '', script = ''] = await zeep()
    const inQuery = [binding, `${endpoint()}?api-key=${writeApiKey(two)}`, 'X-Other', 'y']
    const calls = [...Object.values(good), bad].map(field => [binding, endpoint(), ...field])
    const told = await run(command, [script, `${endpoint()}?wsdl`, JSON.stringify([inQuery, ...calls])])
    expect(JSON.parse(told)).toEqual([
      ...Array.from({ length: 1 + Object.keys(good).length }, () => ({ status: 'order 7' })),
      { code: `soap:${side}`, message: expect.stringMatching(/^invalid_token: /), problem: 'invalid_token' },
    ])
  })
})

describe('SOAP', () => {
  it('opens ?wsdl by public, as the app wrote it, and nothing else of that path', async () => {
    const answer = await fetch(`${url('1.1')}?wsdl`)
    expect([answer.status, await answer.text()]).toEqual([200, wsdl])
    const post = await fetch(url('1.1'), { method: 'POST', body: '<x/>' })
    expect(post.status).toBe(401)
  })

  it('decides nothing by SOAPAction: whoever calls writes it', async () => {
    const field = (action: string) =>
      `POST /soap/other HTTP/1.1\r\nHost: orders\r\n${good['an API key as Basic'].join(': ')}\r\nContent-Type: text/xml\r\nSOAPAction: "${action}"\r\nContent-Length: 0\r\n\r\n`
    for (const action of ['urn:orders#getOrder', '', '/soap/orders']) {
      expect((await sendRaw(rig.port, field(action))).status).toBe(403)
    }
    expect(served).toEqual([])
  })
})
