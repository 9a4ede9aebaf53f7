import { readFileSync } from 'node:fs'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { bundle } from '../../../bundling/bundle.ts'
import { type LimitedProcess, startLimited } from '../../cluster/limited-process.ts'

/** A process as the chart runs it: bundled, with the chart's heap and within the chart's limit of memory. */
export interface ChartProcess extends LimitedProcess {
  readonly limitMebibytes: number
  /** Of the server of this name, as the log tells it. */
  port(server: string): number
  /** What of the processors it has had so far, seconds. */
  processorSeconds(): number
  /** Status of a path of its health port; a kubelet waits no longer than this does. */
  probe(path: string): Promise<number>
}

interface ChartValues {
  readonly resources: { readonly limits: { readonly memory: string } }
  readonly nodeOptions: string
}

/** Made once for all starts of a worker; the folder goes with the run's. */
const bundled = new Map<string, Promise<string>>()

async function bundleOf(name: 'operator' | 'issuer'): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-bundle-'))
  await Promise.all(([name, 'openapi'] as const).map(one => bundle(one, directory)))
  return directory
}

export async function startAsInChart(
  name: 'operator' | 'issuer',
  env: Readonly<Record<string, string>>,
): Promise<ChartProcess> {
  const chart = await readFile(new URL('../../../charts/latchkey/values.yaml', import.meta.url), 'utf8')
  const { resources, nodeOptions } = (parse(chart) as Record<string, ChartValues>)[name] as ChartValues
  const mebibytes = Number(/^(\d+)Mi$/.exec(resources.limits.memory)?.[1])
  const making = bundled.get(name) ?? bundleOf(name)
  bundled.set(name, making)
  const directory = await making
  const started = await startLimited({
    command: process.execPath,
    args: [join(directory, `${name}.mjs`)],
    env: { ...env, NODE_OPTIONS: nodeOptions, LATCHKEY_HEALTH_PORT: '0', LATCHKEY_LOG_LEVEL: 'info' },
    mebibytes,
    upWith: name === 'operator' ? '"controllers run"' : '"loaded"',
  })
  const port = (server: string): number => {
    const lines = started.said().filter(line => line.includes('"listening"'))
    const found = lines
      .map(line => JSON.parse(line) as { server: string; port: number })
      .find(one => one.server === server)
    if (!found) throw new Error(`${name} does not listen as ${server}`)
    return found.port
  }
  return {
    ...started,
    limitMebibytes: mebibytes,
    port,
    processorSeconds: () => processorSecondsOf(started.pid),
    async probe(path) {
      const answer = await fetch(`http://127.0.0.1:${port('health')}${path}`, { signal: AbortSignal.timeout(5_000) })
      return answer.status
    },
  }
}

const ticksInSecond = 100

/** In `stat` the name may hold anything, so what follows it is counted from its end: user and system time are the 14th and 15th. */
function processorSecondsOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / ticksInSecond
}

/** Asks both probes all the while. @returns how often an answer was not 200, or none */
export async function watchProbes(
  target: ChartProcess,
  signal: AbortSignal,
): Promise<{ asked: number; missed: number }> {
  let asked = 0
  let missed = 0
  while (!signal.aborted) {
    for (const path of ['/livez', '/readyz']) {
      asked++
      const status = await target.probe(path).catch(() => 0)
      if (status !== 200) missed++
    }
    await new Promise(resolve => setTimeout(resolve, 200))
  }
  return { asked, missed }
}
