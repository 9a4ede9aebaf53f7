import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Question, Verdict } from './stranger.ts'

/** Starts Envoy with jwt_authn for this issuer, sends one request per token, and ends it. */
export async function askEnvoy(binary: string, question: Question): Promise<Verdict[]> {
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-envoy-'))
  const envoy = await startEnvoy(binary, directory, question)
  try {
    const verdicts: Verdict[] = []
    for (const token of question.tokens) verdicts.push(await ask(envoy.url, token))
    return verdicts
  } finally {
    envoy.process.kill('SIGKILL')
    if (envoy.process.exitCode === null && envoy.process.signalCode === null) await once(envoy.process, 'exit')
    await rm(directory, { recursive: true, force: true })
  }
}

async function ask(url: string, token: string): Promise<Verdict> {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  return { accepted: answer.status === 200, why: `${answer.status} ${(await answer.text()).trim()}` }
}

async function startEnvoy(binary: string, directory: string, question: Question) {
  const config = join(directory, 'envoy.json')
  await writeFile(config, await configuration(question))
  const addressFile = join(directory, 'admin-address')
  const args = ['-c', config, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error']
  const child = spawn(binary, [...args, '--admin-address-path', addressFile], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', chunk => {
    said = (said + chunk).slice(-4_000)
  })
  const admin = await until(
    child,
    () => said,
    () => readFile(addressFile, 'utf8'),
  )
  const url = await until(
    child,
    () => said,
    () => listenerOf(`http://${admin}`),
  )
  return { process: child as ChildProcess, url }
}

/** Envoy knows no discovery: whoever configures it reads `jwks_uri` and writes it down. */
async function configuration({ issuer, audience, caFile }: Question): Promise<string> {
  const discovered = await readDocument(`${issuer}/.well-known/openid-configuration`, caFile)
  const { hostname, port } = new URL(issuer)
  const values: Record<string, string> = {
    issuer,
    audience,
    caFile,
    jwksUri: String(discovered.jwks_uri),
    issuerHost: hostname,
    issuerAddress: hostname,
    issuerPort: port || '443',
    sanType: isIP(hostname) ? 'IP_ADDRESS' : 'DNS',
  }
  const template = await readFile(join(import.meta.dirname, 'envoy/envoy.json'), 'utf8')
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? '')
}

/** Reads a published document. */
export async function readDocument(url: string, caFile: string): Promise<Record<string, unknown>> {
  const asking = request(url, { ca: await readFile(caFile), agent: false }).end()
  const [answer] = await once(asking, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString('utf8'))
}

async function listenerOf(admin: string): Promise<string> {
  const answer = await fetch(`${admin}/listeners?format=json`)
  const { listener_statuses: listeners = [] } = (await answer.json()) as {
    listener_statuses?: { local_address: { socket_address: { address: string; port_value: number } } }[]
  }
  const [first] = listeners
  if (!first) throw new Error('no listener yet')
  const { address, port_value: port } = first.local_address.socket_address
  return `http://${address}:${port}/`
}

async function until<T>(child: ChildProcess, said: () => string, look: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 20_000
  for (;;) {
    try {
      return await look()
    } catch (error) {
      if (child.exitCode !== null || performance.now() > deadline) {
        throw new Error(`Envoy did not start:\n${said()}`, { cause: error })
      }
      await new Promise(resolve => setTimeout(resolve, 25))
    }
  }
}
