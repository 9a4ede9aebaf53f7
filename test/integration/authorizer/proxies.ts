import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installProxies } from '../../cluster/packages.ts'
import { freePort } from '../../free-port.ts'
import { envoy } from '../../strangers/strangers.ts'
import { authorizerName, examples, type TestAuthorizer } from './start-authorizer.ts'

/** A real proxy that runs a file of examples/authorizer; only addresses and paths of files are put in. */
export interface RunningProxy {
  readonly port: number
  /** What it wrote to stderr. */
  said(): string
  stop(): Promise<void>
}

interface Where {
  readonly authorizer: Pick<TestAuthorizer, 'folder' | 'ports'>
  /** Port of the app. */
  readonly app: number
}

/** What a reader changes in an example's file besides addresses. */
interface Changes {
  /** Where API keys stand. */
  readonly keyHeader?: string
}

interface ProxyKind {
  readonly name: string
  /** Name of its peer, and what its audit lines say. */
  readonly peer: string
  prepare(): Promise<unknown>
  /** @param changes of the example's files, as its guide says */
  start(where: Where, changes?: Changes): Promise<RunningProxy>
}

export const proxies: readonly ProxyKind[] = [
  { name: 'nginx', peer: 'edge-nginx', prepare: installProxies, start: startNginx },
  { name: 'haproxy', peer: 'edge-haproxy', prepare: installProxies, start: startHaproxy },
  {
    name: 'Envoy over gRPC',
    peer: 'edge-envoy',
    prepare: envoy,
    start: (where, changes) => startEnvoy('envoy-grpc.yaml', where, changes),
  },
  {
    name: 'Envoy over HTTP',
    peer: 'edge-envoy',
    prepare: envoy,
    start: (where, changes) => startEnvoy('envoy-http.yaml', where, changes),
  },
]

async function startNginx(
  { authorizer: { folder, ports }, app }: Where,
  { keyHeader }: Changes = {},
): Promise<RunningProxy> {
  const port = await freePort()
  const home = await mkdtemp(join(tmpdir(), 'latchkey-nginx-'))
  const secret = (await readFile(join(folder, 'nginx.secret'), 'utf8')).trim()
  await writeFile(join(home, 'secret.conf'), `proxy_set_header Latchkey-Peer-Secret "${secret}";\n`)
  const config = await example('nginx.conf', {
    'listen 8080;': `listen 127.0.0.1:${port};`,
    'orders.shop.svc:80;': `127.0.0.1:${app};`,
    [`server ${authorizerName}:9191;`]: `server 127.0.0.1:${ports.http};`,
    '/etc/nginx/latchkey-secret.conf': join(home, 'secret.conf'),
    '/etc/nginx/latchkey-ca.crt': join(folder, 'ca.crt'),
    ...(keyHeader && { '# proxy_set_header X-Api-Key "";': `proxy_set_header ${keyHeader} "";` }),
  })
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    kind => `${kind}_temp_path ${home}/${kind};`,
  )
  await writeFile(
    join(home, 'nginx.conf'),
    config.replace('http {', `http {\n  access_log off;\n  ${temporary.join(' ')}`),
  )
  const settings = `daemon off; master_process off; pid ${home}/pid; error_log stderr;`
  return running('/usr/sbin/nginx', ['-p', home, '-c', join(home, 'nginx.conf'), '-g', settings], port, home)
}

async function startHaproxy(
  { authorizer: { folder, ports }, app }: Where,
  { keyHeader }: Changes = {},
): Promise<RunningProxy> {
  const port = await freePort()
  const home = await mkdtemp(join(tmpdir(), 'latchkey-haproxy-'))
  const config = await example('haproxy.cfg', {
    '# setenv LATCHKEY_AUTHORIZER_ADDRESS ipv4@10.96.0.80:9191': `setenv LATCHKEY_AUTHORIZER_ADDRESS ipv4@127.0.0.1:${ports.http}`,
    '/etc/haproxy/latchkey.secret': join(folder, 'haproxy.secret'),
    '/etc/haproxy/latchkey-ca.crt': join(folder, 'ca.crt'),
    '/etc/haproxy/latchkey.lua': join(examples, 'latchkey.lua'),
    ...(keyHeader && { '# setenv LATCHKEY_KEY_HEADER X-Api-Key': `setenv LATCHKEY_KEY_HEADER ${keyHeader}` }),
    'bind :8080': `bind 127.0.0.1:${port}`,
    'server orders orders.shop.svc:80': `server orders 127.0.0.1:${app}`,
  })
  await writeFile(join(home, 'haproxy.cfg'), config)
  return running('/usr/sbin/haproxy', ['-db', '-f', join(home, 'haproxy.cfg')], port, home)
}

async function startEnvoy(
  file: string,
  { authorizer: { folder, ports }, app }: Where,
  { keyHeader }: Changes = {},
): Promise<RunningProxy> {
  const port = await freePort()
  const home = await mkdtemp(join(tmpdir(), 'latchkey-envoy-'))
  const local = (of: number): string => `{ address: 127.0.0.1, port_value: ${of} }`
  const grpc = file === 'envoy-grpc.yaml'
  const config = await example(file, {
    '{ address: 0.0.0.0, port_value: 8080 }': local(port),
    '{ address: orders.shop.svc, port_value: 80 }': local(app),
    [`{ address: ${authorizerName}, port_value: ${grpc ? 9192 : 9191} }`]: local(grpc ? ports.grpc : ports.http),
    '/etc/envoy/tls.crt': join(folder, 'envoy.crt'),
    '/etc/envoy/tls.key': join(folder, 'envoy.key'),
    '/etc/envoy/latchkey-ca.crt': join(folder, 'ca.crt'),
    ...(keyHeader && !grpc && { '# - { safe_regex:': '- { safe_regex:' }),
  })
  await writeFile(join(home, 'envoy.yaml'), config)
  const args = ['-c', join(home, 'envoy.yaml'), '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error']
  return running(await envoy(), args, port, home)
}

/** A file of the examples with other addresses. Every one must be there, or a test would run another file than is shown. */
async function example(file: string, replaced: Record<string, string>): Promise<string> {
  let text = await readFile(join(examples, file), 'utf8')
  for (const [from, to] of Object.entries(replaced)) {
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`)
    text = text.replaceAll(from, to)
  }
  return text
}

async function running(command: string, args: string[], port: number, home: string): Promise<RunningProxy> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (said += text))
  await answering(child, port, () => said)
  return {
    port,
    said: () => said,
    async stop() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      await rm(home, { recursive: true, force: true })
    },
  }
}

async function answering(child: ChildProcess, port: number, said: () => string): Promise<void> {
  for (let tries = 0; tries < 800; tries++) {
    if (child.exitCode !== null) break
    const socket = connect(port, '127.0.0.1')
    const open = await new Promise<boolean>(resolve => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    socket.destroy()
    if (open) return
    await new Promise(resolve => setTimeout(resolve, 25))
  }
  child.kill('SIGKILL')
  throw new Error(`${child.spawnfile} did not start:\n${said()}`)
}
