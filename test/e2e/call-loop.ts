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

/** Runs in the caller's pod: a call on a new connection and one on a kept connection, again and again. */
const script = (url: string) => `
const http = require('http')
const kept = new http.Agent({ keepAlive: true, maxSockets: 1 })
const call = agent => new Promise(done => {
  const request = http.get('${url}', { agent, timeout: 10000 }, answer => {
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

/** Starts to call a URL from the caller's pod of the example. */
export async function startCalls(url: string): Promise<CallLoop> {
  const args = ['exec', '--stdin', '--namespace', 'checkout', 'deploy/caller', '--container', 'caller']
  const child = spawn(await kubectlPath(), ['--kubeconfig', kubeconfigPath, ...args, '--', 'node', '-e', script(url)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
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
