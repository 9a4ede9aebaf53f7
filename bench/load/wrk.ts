import { join } from 'node:path'
import { run } from '../../test/cluster/command.ts'

/** One run at the highest rate that `connections` kept connections give. */
export interface WrkRun {
  readonly url: string
  /** A token a line, or `path token`; sent in order, from the top again at the end. */
  readonly tokenFile: string
  /** More headers, as `name: value`. */
  readonly headers?: readonly string[]
  readonly connections: number
  readonly seconds: number
  readonly core: number
}

export interface WrkResult {
  readonly requests: number
  readonly rps: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
}

/** @throws Error when any request was not answered, or not with 2xx or 3xx */
export async function runWrk(wrk: string, load: WrkRun): Promise<WrkResult> {
  const { url, tokenFile, headers = [], connections, seconds, core } = load
  const script = join(import.meta.dirname, 'wrk.lua')
  const shape = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script]
  const { origin, pathname } = new URL(url)
  const args = ['--cpu-list', String(core), wrk, ...shape, origin, '--', pathname, tokenFile, ...headers]
  return parseWrk(await run('taskset', args))
}

/** Reads the line that wrk.lua writes. @throws Error when a request failed */
export function parseWrk(output: string): WrkResult {
  const line = /^bench (\{.*\})$/m.exec(output)?.[1]
  if (line === undefined) throw new Error(`wrk did not say how it went:\n${output.slice(-2_000)}`)
  const said = JSON.parse(line) as Record<
    'requests' | 'microseconds' | 'notOk' | 'socketErrors' | 'p50' | 'p99' | 'p999',
    number
  >
  if (said.notOk > 0 || said.socketErrors > 0 || said.requests === 0) {
    throw new Error(`of ${said.requests} requests ${said.notOk} were refused and ${said.socketErrors} got no answer`)
  }
  const seconds = said.microseconds / 1e6
  return {
    requests: said.requests,
    rps: said.requests / seconds,
    p50Ms: said.p50 / 1e3,
    p99Ms: said.p99 / 1e3,
    p999Ms: said.p999 / 1e3,
  }
}
