import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Frame, Hello } from '../../core/rows/frames.ts'
import { guardFlagsWithin } from '../../platform/guard-process.ts'
import { type LimitedProcess, startLimited } from '../cluster/limited-process.ts'
import { type FrameServer, type Stream, startFrameServer } from './frame-server.ts'
import { alice, service } from './policy-rows.ts'

/** A guard as it ships, within a limit of memory, that is sent what a test wants. */
export interface FedGuard {
  readonly process: LimitedProcess
  readonly port: number
  /** Sends a frame. Resolves when the guard holds it. @throws Error when it does not take it */
  feed(frame: Frame & { readonly hash: string }): Promise<void>
  /** Bytes on disk of the policy with this hash; 0 until it is there. */
  stored(hash: string): Promise<number>
  /** Ends it at once and starts it again, with an issuer that gives it nothing. */
  restartAlone(): Promise<void>
  /** The issuer gives it something again. @returns what the guard says then */
  comeBack(): Promise<Hello['hello']>
  /** Status of a call that its policy allows. */
  call(): Promise<number>
  stop(): Promise<void>
}

interface Line {
  readonly stream: Stream
  readonly response: ServerResponse
}

/**
 * @param directory of the bundled guard
 * @param mebibytes its limit
 */
export async function startFedGuard(directory: string, mebibytes: number): Promise<FedGuard> {
  const frames = await startFrameServer()
  const app = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1')
  await once(app, 'listening')
  const start = () => startLimitedGuard(directory, frames, { appPort: (app.address() as AddressInfo).port, mebibytes })
  let line: Line | undefined
  const listen = (): void =>
    frames.serve((stream, response) => {
      line = { stream, response }
    })
  const connected = async (): Promise<Line> => {
    const isThere = () => limited.ended() !== undefined || (line !== undefined && !line.response.destroyed)
    await expect.poll(isThere, { timeout: 60_000 }).toBe(true)
    const ended = limited.ended()
    if (ended !== undefined) throw new Error(`the guard ended: ${ended}\n${limited.said().slice(-10).join('\n')}`)
    return line as Line
  }
  listen()
  let limited = await start()
  let port = portOf(limited)
  return {
    get process() {
      return limited
    },
    get port() {
      return port
    },
    async feed(frame) {
      const text = Buffer.from(`${JSON.stringify(frame)}\n`)
      // A test that computes for long sends no heartbeats, and the guard looks for another stream in the middle.
      for (let tries = 0; tries < 3; tries++) {
        const { stream, response } = await connected()
        const holds = () => [stream.hello.hash, stream.held.at(-1)?.hash].includes(frame.hash)
        for (let at = 0; at < text.length && !response.destroyed && !holds(); at += 65_536) {
          await new Promise(resolve => response.write(text.subarray(at, at + 65_536), resolve))
        }
        while (!response.destroyed && !holds()) await pause(20)
        if (holds()) return
      }
      throw new Error(limited.said().findLast(said => said.includes('the snapshot stream ended')))
    },
    async stored(hash) {
      const text = await readFile(snapshotOf(frames)).catch(() => Buffer.alloc(0))
      return text.subarray(0, 4_096).includes(hash) ? text.length : 0
    },
    async restartAlone() {
      frames.refuse(503, 'unavailable')
      line = undefined
      await limited.stop()
      limited = await start()
      port = portOf(limited)
    },
    async comeBack() {
      listen()
      return (await connected()).stream.hello
    },
    async call() {
      const headers = { authorization: `Bearer ${alice.token()}` }
      const url = `http://127.0.0.1:${port}/api/7`
      return (await fetch(url, { headers, signal: AbortSignal.timeout(10_000) })).status
    },
    async stop() {
      await limited.stop()
      await frames.close()
      app.close()
    },
  }
}

/** As it says at its start: a hundred thousand calls later that line is not kept any more. */
function portOf(guard: LimitedProcess): number {
  const said = guard.said().find(line => line.includes('"guarding"')) ?? ''
  return Number(/"port":(\d+)/.exec(said)?.[1])
}

const snapshotOf = ({ folder }: FrameServer): string => join(folder, 'snapshot.json')

function startLimitedGuard(
  directory: string,
  frames: FrameServer,
  { appPort, mebibytes }: { appPort: number; mebibytes: number },
): Promise<LimitedProcess> {
  return startLimited({
    command: process.execPath,
    args: [join(directory, 'guard.mjs')],
    mebibytes,
    upWith: '"guarding"',
    env: {
      NODE_OPTIONS: guardFlagsWithin(mebibytes * 1_048_576).join(' '),
      LATCHKEY_SERVICE: service,
      LATCHKEY_UPSTREAM: `http://127.0.0.1:${appPort}`,
      LATCHKEY_LISTEN: '127.0.0.1:0',
      LATCHKEY_ADMIN_LISTEN: '127.0.0.1:0',
      LATCHKEY_SNAPSHOT_URL: frames.url,
      LATCHKEY_CA_FILE: frames.caFile,
      LATCHKEY_TOKEN_FILE: frames.tokenFile,
      LATCHKEY_SNAPSHOT_FILE: snapshotOf(frames),
      LATCHKEY_DRAIN_GRACE: '0s',
    },
  })
}
