import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeAuthority, makeCertificate } from '../../cluster/certificates.ts'
import { commandLine } from '../../unit/cli/command-line.ts'

let folder: string
let kubeconfig: string
let server: Server
/** What the API server has, page by page. */
let pages: object[][]
let asked: URL[]
let status: number

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cli-replaced-'))
  await makeAuthority(folder)
  const pair = await makeCertificate(folder, 'server', { user: 'server', names: ['127.0.0.1'] })
  const [cert, key] = await Promise.all([readFile(pair.certFile), readFile(pair.keyFile)])
  server = createServer({ cert, key }, (request, response) => {
    const url = new URL(request.url ?? '', 'http://a')
    asked.push(url)
    response.writeHead(status, { 'content-type': 'application/json' })
    if (status !== 200) return void response.end('{"kind":"Status","reason":"Forbidden"}')
    const at = Number(url.searchParams.get('continue') ?? 0)
    const next = at + 1 < pages.length ? { continue: String(at + 1) } : {}
    response.end(JSON.stringify({ metadata: { resourceVersion: '1', ...next }, items: pages[at] ?? [] }))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  kubeconfig = join(folder, 'config')
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  await writeFile(
    kubeconfig,
    JSON.stringify({
      clusters: [{ name: 'c', cluster: { server: url, 'certificate-authority': 'ca.crt' } }],
      users: [{ name: 'u', user: { token: 'abc' } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u', namespace: 'shop' } }],
      'current-context': 'c',
    }),
  )
})
afterAll(async () => {
  server.close()
  await rm(folder, { recursive: true })
})
beforeEach(() => {
  pages = []
  asked = []
  status = 200
})

const pin = (name: string, state: string, clientId?: string) => ({
  namespace: 'partners',
  name,
  state,
  ...(clientId !== undefined && { clientId }),
})
const grant = (name: string, clients: object[] | undefined) => ({
  metadata: { namespace: 'shop', name },
  spec: { roleRef: { name: 'reader' }, clients: [] },
  ...(clients && { status: { clients } }),
})
const replaced = (...args: string[]) => commandLine(['replaced', '--kubeconfig', kubeconfig, ...args])

describe('latchkey replaced', () => {
  it('lists every grant that lost a client, with what writes it again, once for each grant', async () => {
    pages = [
      [
        grant('both', [
          pin('web', 'Replaced', 'sc_before'),
          pin('other', 'Granted', 'sc_o'),
          pin('third', 'Replaced', 'sc_3'),
        ]),
        grant('unseen', undefined),
      ],
      [grant('good', [pin('web', 'Granted', 'sc_now')]), grant('gone', [pin('web', 'NotFound', 'sc_before')])],
      [grant('late', [pin('web', 'Replaced', 'sc_before')])],
    ]
    const { code, text, complaint } = await replaced()
    expect([code, complaint]).toEqual([1, ''])
    expect(text).toBe(`NAMESPACE  GRANT  ROLE    CLIENT          GAVE TO
shop       both   reader  partners/web    sc_before
shop       both   reader  partners/third  sc_3
shop       late   reader  partners/web    sc_before

Where the client of now is meant, write the grant again. It gives nothing to anybody for that moment:
  kubectl get accessgrants.latchkey.dev both -n shop -o json | kubectl replace --force -f -
  kubectl get accessgrants.latchkey.dev late -n shop -o json | kubectl replace --force -f -

A grant that is kept in Git is deleted instead: it is applied again from there. To apply the same YAML changes nothing.
`)
    expect(asked.map(({ pathname }) => pathname)).toEqual(
      Array(3).fill('/apis/latchkey.dev/v1alpha1/namespaces/shop/accessgrants'),
    )
    expect(asked.map(({ searchParams }) => searchParams.get('limit'))).toEqual(['500', '500', '500'])
  })

  it('says so where none did, and ends with 0', async () => {
    pages = [[grant('good', [pin('web', 'Granted', 'sc_now')])]]
    expect(await replaced('-A')).toEqual({ code: 0, text: 'No grant lost a client.\n', complaint: '' })
    expect(asked[0]?.pathname).toBe('/apis/latchkey.dev/v1alpha1/accessgrants')
    expect(JSON.parse((await replaced('-o', 'json')).text)).toEqual([])
  })

  it('looks for one client alone, and tells programs the same', async () => {
    pages = [[grant('both', [pin('web', 'Replaced', 'sc_before'), pin('third', 'Replaced')])]]
    const { code, text } = await replaced('--client', 'partners/third', '-n', 'shop', '-o', 'json')
    expect(code).toBe(1)
    expect(JSON.parse(text)).toEqual([
      {
        namespace: 'shop',
        grant: 'both',
        role: 'reader',
        client: 'partners/third',
        renew: 'kubectl get accessgrants.latchkey.dev both -n shop -o json | kubectl replace --force -f -',
      },
    ])
    expect((await replaced('--client', 'partners/nobody')).code).toBe(0)
  })

  it.each([
    ['who may not list grants', ['-A'], 403, 4, 'refuses'],
    ['a server that does not serve', ['-A'], 503, 3, 'does not serve'],
    ['a client without its namespace', ['--client', 'web'], 200, 2, 'Expected <namespace>/<name> of an ApiClient.'],
    ['a namespace and all of them', ['-A', '-n', 'shop'], 200, 2, 'name -n or -A, not both'],
  ])('tells %s by the exit code', async (_who, args, answer, code, complaint) => {
    status = answer
    const ended = await replaced(...args)
    expect(ended).toMatchObject({ code, text: '' })
    expect(ended.complaint).toContain(complaint)
  })
})
