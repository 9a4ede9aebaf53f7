import { run } from '../../test/cluster/command.ts'

/** One run at a fixed rate. Latency counts from when a request was due, not from when it could be sent. */
export interface OhaRun {
  readonly url: string
  readonly token: string
  readonly rate: number
  readonly connections: number
  readonly seconds: number
  readonly core: number
}

export interface OhaResult {
  readonly rps: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
}

/** @throws Error when any request was not answered with 200 */
export async function runOha(oha: string, load: OhaRun): Promise<OhaResult> {
  const { url, token, rate, connections, seconds, core } = load
  const pace = ['-q', String(rate), '--latency-correction', '-c', String(connections), '-z', `${seconds}s`]
  const args = [...pace, '--wait-ongoing-requests-after-deadline', '--no-tui', '--output-format', 'json']
  const header = ['-H', `Authorization: Bearer ${token}`]
  return parseOha(await run('taskset', ['--cpu-list', String(core), oha, ...args, ...header, url]))
}

interface OhaReport {
  readonly summary: { readonly requestsPerSec: number }
  readonly latencyPercentiles: Readonly<Record<'p50' | 'p99' | 'p99.9', number | null>>
  readonly statusCodeDistribution: Readonly<Record<string, number>>
  readonly errorDistribution: Readonly<Record<string, number>>
}

/** @throws Error when a request failed */
export function parseOha(output: string): OhaResult {
  const report = JSON.parse(output) as OhaReport
  const refused = Object.keys(report.statusCodeDistribution).filter(status => status !== '200')
  const failures = Object.keys(report.errorDistribution)
  if (refused.length > 0 || failures.length > 0) {
    throw new Error(`answers ${JSON.stringify(report.statusCodeDistribution)}, errors: ${failures.join(', ')}`)
  }
  const milliseconds = (name: 'p50' | 'p99' | 'p99.9'): number => {
    const value = report.latencyPercentiles[name]
    if (value === null) throw new Error('oha sent nothing')
    return value * 1e3
  }
  return {
    rps: report.summary.requestsPerSec,
    p50Ms: milliseconds('p50'),
    p99Ms: milliseconds('p99'),
    p999Ms: milliseconds('p99.9'),
  }
}
