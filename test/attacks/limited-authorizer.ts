import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type ClientHttp2Session, connect } from 'node:http2'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { bundle } from '../../bundling/bundle.ts'
import { type LimitedProcess, startLimited } from '../cluster/limited-process.ts'
import { accessYaml, manifestToken } from '../guard/access-manifests.ts'
import { forge } from '../guard/attacks/attacks.ts'
import { issuer } from '../guard/policy-rows.ts'
import { checkOf, openGrpc } from '../unit/authorizer/grpc-client.ts'
import { makePair } from '../unit/webhook/make-pair.ts'

/** The authorizer as it ships, within its chart's limit. */
export interface LimitedAuthorizer {
  readonly process: LimitedProcess
  readonly ports: { readonly http: number; readonly grpc: number }
  /** One check of the good proxy in each form. @returns what it was told @throws Error after 10 s without an answer */
  check(call?: Call): Promise<{ readonly http: number; readonly grpc: string | undefined }>
  stop(): Promise<void>
}

/** What a caller asked the good proxy for. Default: a public path. */
export interface Call {
  readonly target: string
  readonly token?: string
}
const publicCall: Call = { target: '/open/x' }

const peers = ['edge', 'greedy', 'gateway']
export const secretOf = (name: string): string => name.padEnd(40, '.')

export async function startLimitedAuthorizer(): Promise<LimitedAuthorizer> {
  const folder = await mkdtemp(join(tmpdir(), 'limited-authorizer-'))
  await Promise.all((['latchkey', 'authorizer', 'manifests'] as const).map(name => bundle(name, folder)))
  const pair = await makePair()
  await mkdir(join(folder, 'access'))
  const listed = peers.map(name => {
    const proxy = name === 'gateway' ? 'Nginx' : 'Envoy'
    return `  - { name: ${name}, proxy: ${proxy}, services: [shop/orders], secretFile: ${name}.secret }\n`
  })
  const files = {
    'access/access.yaml': accessYaml(),
    'peers.yaml': `peers:\n${listed.join('')}`,
    'tls.crt': pair.cert,
    'tls.key': pair.key,
    ...Object.fromEntries(peers.map(name => [`${name}.secret`, secretOf(name)])),
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content)
  const process = await startLimited({
    command: globalThis.process.execPath,
    args: [
      ...[join(folder, 'latchkey.mjs'), 'authorizer'],
      ...['--manifests', join(folder, 'access'), '--peers', join(folder, 'peers.yaml'), '--issuer', issuer],
      ...['--listen', '127.0.0.1:0', '--grpc-listen', '127.0.0.1:0', '--audit', join(folder, 'audit.log')],
      ...['--tls-cert', join(folder, 'tls.crt'), '--tls-key', join(folder, 'tls.key')],
    ],
    env: { NODE_OPTIONS: '--max-old-space-size=384' },
    mebibytes: 512,
    upWith: 'answering proxies',
  })
  const [, http = '', grpc = ''] = /"http":(\d+),"grpc":(\d+)/.exec(process.said().join('\n')) ?? []
  const ports = { http: Number(http), grpc: Number(grpc) }
  return {
    ...{ process, ports },
    check: async (call = publicCall) => ({
      http: await checkHttp(ports.http, call),
      grpc: await checkGrpc(ports.grpc, call),
    }),
    async stop() {
      await process.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const tls = { rejectUnauthorized: false }

const credential = ({ token }: Call): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` }

function checkHttp(port: number, call: Call): Promise<number> {
  const asks = { 'x-original-method': 'GET', 'x-original-uri': call.target }
  const headers = { 'latchkey-peer-secret': secretOf('gateway'), ...asks, ...credential(call) }
  return new Promise((resolve, reject) => {
    const at = { host: '127.0.0.1', port, path: '/check/shop/orders', headers, agent: false } as const
    const sent = request({ ...at, ...tls, signal: AbortSignal.timeout(10_000) }, response => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
    })
    sent.on('error', reject)
    sent.end()
  })
}

async function checkGrpc(port: number, call: Call): Promise<string | undefined> {
  const client = openGrpc(`https://127.0.0.1:${port}`, tls)
  const late = AbortSignal.timeout(10_000)
  try {
    const answer = client.check(checkOf({ target: call.target, headers: credential(call) }), {
      'latchkey-peer-secret': secretOf('edge'),
    })
    const broken = new Promise<never>((_, reject) =>
      late.addEventListener('abort', () => reject(new Error('no answer'))),
    )
    return (await Promise.race([answer, broken])).response?.httpResponse.case
  } finally {
    client.close()
  }
}

/** Messages of 1 MiB, all but their last byte; whoever closes a connection gets another one. @returns a function that ends it */
export function sendUnfinished(of: {
  port: number
  connections: number
  messages: number
  addresses: readonly string[]
  secret?: string
}): () => void {
  const { port, connections, messages, addresses, secret } = of
  const bytes = Buffer.alloc(1_048_576 + 4)
  bytes.writeUInt32BE(1_048_576, 1)
  const headers = {
    ...{ ':method': 'POST', ':path': '/envoy.service.auth.v3.Authorization/Check', 'content-type': 'application/grpc' },
    ...(secret !== undefined && { 'latchkey-peer-secret': secret }),
  }
  const sessions = new Set<ClientHttp2Session>()
  let ended = false

  function open(index: number): void {
    const localAddress = addresses[index % addresses.length] ?? '127.0.0.1'
    const from = { ...tls, host: '127.0.0.1', port, localAddress, ALPNProtocols: ['h2'] }
    const session = connect(`https://127.0.0.1:${port}`, {
      createConnection: () => connectTls(from),
      // Of ours: what we would send is held here.
      maxSessionMemory: 2_000,
    })
    sessions.add(session)
    session.on('error', () => {})
    session.on('close', () => {
      sessions.delete(session)
      if (!ended) setTimeout(() => !ended && open(index), 200)
    })
    session.on('connect', () => {
      for (let i = 0; i < messages / connections; i++) {
        const stream = session.request(headers, { endStream: false })
        stream.on('error', () => {})
        stream.pause()
        stream.write(bytes)
      }
    })
  }
  for (let index = 0; index < connections; index++) open(index)
  return () => {
    ended = true
    for (const session of sessions) session.destroy()
  }
}

/** Tokens that somebody else has signed, each under the key id of a client there is. */
export function forgeTokens(count: number): readonly string[] {
  const token = manifestToken()
  return Array.from({ length: count }, (_, at) => forge(token, at))
}

/** How often each answer came to calls with forged tokens. */
export interface Forging {
  end(): Readonly<Record<string, number>>
}

/**
 * Checks with forged tokens through the good proxy of HTTP, each as soon as the one before is answered.
 * @param connections fewer than an address may have handshakes
 */
export function forgeHttp(port: number, connections: number, tokens: readonly string[]): Forging {
  const told: Record<string, number> = {}
  let next = 0
  const sockets = Array.from({ length: connections }, () => {
    const socket = connectTls({ ...tls, host: '127.0.0.1', port })
    const send = (): void => {
      const asks = 'X-Original-Method: GET\r\nX-Original-URI: /api/x\r\n'
      const token = tokens[next++ % tokens.length]
      const proof = `Latchkey-Peer-Secret: ${secretOf('gateway')}\r\nAuthorization: Bearer ${token}\r\n`
      socket.write(`GET /check/shop/orders HTTP/1.1\r\nHost: authorizer\r\n${asks}${proof}\r\n`)
    }
    socket.on('error', () => {})
    socket.on('secureConnect', send)
    let text = ''
    socket.on('data', chunk => {
      text += chunk.toString('latin1')
      if (!text.endsWith('}\n')) return
      const status = /latchkey-status: (\d+)/i.exec(text)?.[1] ?? 'none'
      told[status] = (told[status] ?? 0) + 1
      text = ''
      send()
    })
    return socket
  })
  return {
    end() {
      for (const socket of sockets) socket.destroy()
      return told
    },
  }
}

/** The same through the good proxy of gRPC, so many at a time on one connection. */
export function forgeGrpc(port: number, atOnce: number, tokens: readonly string[]): Forging {
  const told: Record<string, number> = {}
  const client = openGrpc(`https://127.0.0.1:${port}`, tls)
  let ended = false
  async function send(at: number): Promise<void> {
    for (let next = at; !ended; next += atOnce) {
      const check = checkOf({ target: '/api/x', headers: { authorization: `Bearer ${tokens[next % tokens.length]}` } })
      const { response } = await client.check(check, { 'latchkey-peer-secret': secretOf('edge') })
      const { case: kind, value } = response?.httpResponse ?? { case: undefined, value: undefined }
      const status = kind === 'deniedResponse' ? String(value.status?.code) : String(kind)
      if (!ended) told[status] = (told[status] ?? 0) + 1
    }
  }
  for (let at = 0; at < atOnce; at++) send(at).catch(() => {})
  return {
    end() {
      ended = true
      client.close()
      return told
    },
  }
}
