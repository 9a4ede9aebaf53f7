import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { kubectlPath } from '../cluster/binaries.ts'
import { kubeconfigPath } from '../cluster/real-cluster.ts'

/** Calls that go on while something is changed, each answered or not. */
export interface CallLoop {
  /** Calls so far. */
  calls(): number
  /** What went wrong so far, a line each. */
  failures(): readonly string[]
  stop(): Promise<void>
}

/** Who calls, and what. */
export interface Caller {
  readonly url: string
  /** Namespace of the deployment `caller`. Default: that of the example. */
  readonly namespace?: string
  /** Where the pod has the Secret of an AccessKey: each call then brings a token. */
  readonly keyDirectory?: string
  /** Audience of the tokens. */
  readonly audience?: string
}

/** A token for half a minute, signed with what the mounted Secret holds at that moment. */
const signing = ({ keyDirectory, audience }: Caller) => `
const { readFileSync } = require('fs')
const { createPrivateKey, randomUUID, sign } = require('crypto')
let made = { at: 0 }
const authorization = () => {
  if (Date.now() - made.at < 15000) return made.headers
  const jwk = JSON.parse(readFileSync('${keyDirectory}/private.jwk', 'utf8'))
  const now = Math.floor(Date.now() / 1000)
  const { client_id, issuer } = jwk
  const claims = { iss: issuer, sub: client_id, client_id, aud: '${audience}', iat: now, exp: now + 30, jti: randomUUID() }
  const part = value => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = part({ alg: 'EdDSA', typ: 'at+jwt', kid: jwk.kid }) + '.' + part(claims)
  const signature = sign(null, Buffer.from(text), createPrivateKey({ key: jwk, format: 'jwk' })).toString('base64url')
  made = { at: Date.now(), headers: { authorization: 'Bearer ' + text + '.' + signature } }
  return made.headers
}
`

/** Runs in the caller's pod: a call on a new connection and one on a kept connection, again and again. */
const script = (caller: Caller) => `
${caller.keyDirectory === undefined ? 'const authorization = () => ({})' : signing(caller)}
const http = require('http')
const kept = new http.Agent({ keepAlive: true, maxSockets: 1 })
const call = agent => new Promise(done => {
  const request = http.get('${caller.url}', { agent, timeout: 10000, headers: authorization() }, answer => {
    answer.resume()
    answer.on('end', () => done(answer.statusCode === 200 ? undefined : 'status ' + answer.statusCode))
  })
  request.on('timeout', () => request.destroy(new Error('no answer in 10 s')))
  request.on('error', error => done(error.code === 'ECONNRESET' && request.reusedSocket ? 'retry' : error.code || error.message))
})
const once = async agent => { const fault = await call(agent); return fault === 'retry' ? call(agent) : fault }
let calls = 0
const loop = async agent => {
  for (;;) {
    const fault = await once(agent)
    calls++
    if (fault) console.log('fault ' + new Date().toISOString() + ' ' + fault)
    await new Promise(go => setTimeout(go, 10))
  }
}
const begin = async () => {
  // A Service that was just made is known to the node's proxy and to DNS in a moment.
  while (await once(false)) await new Promise(go => setTimeout(go, 100))
  loop(false), loop(kept)
}
begin()
setInterval(() => console.log('calls ' + calls), 200)
process.stdin.resume().on('end', () => { console.log('calls ' + calls); process.exit() })
`

/** Starts to call from the pod of a deployment `caller`, as the example has it. */
export async function startCalls(caller: Caller): Promise<CallLoop> {
  const { namespace = 'checkout' } = caller
  const args = ['exec', '--stdin', '--namespace', namespace, 'deploy/caller', '--container', 'caller']
  const child = spawn(
    await kubectlPath(),
    ['--kubeconfig', kubeconfigPath, ...args, '--', 'node', '-e', script(caller)],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  let calls = 0
  const failures: string[] = []
  createInterface({ input: child.stdout }).on('line', line => {
    if (line.startsWith('calls ')) calls = Number(line.slice(6))
    else if (line.startsWith('fault ')) failures.push(line.slice(6))
  })
  return {
    calls: () => calls,
    failures: () => failures,
    async stop() {
      const ended = once(child, 'exit')
      child.stdin.end()
      await ended
    },
  }
}
