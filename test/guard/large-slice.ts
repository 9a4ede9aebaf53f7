import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { sliceHash } from '../../core/rows/hash.ts'
import type { ClientRow, Row } from '../../core/rows/rows.ts'
import { guardFlags } from '../../platform/guard-process.ts'
import { type LimitedProcess, startLimited } from '../cluster/limited-process.ts'
import { type FrameServer, startFrameServer } from './frame-server.ts'
import { alice, rowsOf, service } from './policy-rows.ts'

/** Rows of a service that many clients may call, about as many as this many bytes of JSON. */
export function rowsOfSize(bytes: number): Row[] {
  // The machine that runs this listens on more than the guard's pod would.
  const rows: Row[] = rowsOf({ service: { directAccess: 'Report' } })
  for (let size = 0; size < bytes; ) {
    const row = client(rows.length)
    size += JSON.stringify(row).length + 1
    rows.push(row)
  }
  return rows
}

function client(number: number): ClientRow {
  const name = `client-${number}`
  return {
    type: 'client',
    clientId: `sc_${randomBytes(16).toString('hex')}`,
    namespace: 'callers',
    name,
    issuer: `https://issuer.test/default/v1/clients/sc_${number}`,
    createdAt: 1_700_000_000,
    suspended: false,
    keys: [
      {
        kid: randomBytes(32).toString('base64url'),
        accessKey: name,
        algorithm: 'Ed25519',
        publicKey: { kty: 'OKP', crv: 'Ed25519', x: randomBytes(32).toString('base64url') },
        notBefore: 1_700_000_000,
      },
    ],
  }
}

/** A guard of the chart's memory that is sent these slices, each when it holds the one before. */
export interface SlicedGuard {
  readonly process: LimitedProcess
  /** How many it has taken. */
  taken(): number
  /** Status of a call that its policy allows. */
  call(): Promise<number>
  stop(): Promise<void>
}

/** @param directory of the bundled guard */
export async function sendSlices(directory: string, slices: readonly Row[][]): Promise<SlicedGuard> {
  const frames = await startFrameServer()
  const app = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1')
  await once(app, 'listening')
  let taken = 0
  frames.serve(async (stream, response) => {
    for (const rows of slices) {
      const hash = sliceHash(rows)
      const text = Buffer.from(`${JSON.stringify({ full: { rows }, seen: { apiclients: String(taken) }, hash })}\n`)
      for (let at = 0; at < text.length && !response.destroyed; at += 65_536) {
        await new Promise(resolve => response.write(text.subarray(at, at + 65_536), resolve))
      }
      while (!response.destroyed && stream.held.at(-1)?.hash !== hash) await pause(20)
      if (response.destroyed) return
      taken++
    }
  })
  const limited = await startLimitedGuard(directory, frames, (app.address() as AddressInfo).port)
  const said = limited.said().find(line => line.includes('"guarding"')) ?? ''
  const url = `http://127.0.0.1:${/"port":(\d+)/.exec(said)?.[1]}/api/7`
  return {
    process: limited,
    taken: () => taken,
    async call() {
      const headers = { authorization: `Bearer ${alice.token()}` }
      return (await fetch(url, { headers, signal: AbortSignal.timeout(10_000) })).status
    },
    async stop() {
      await limited.stop()
      await frames.close()
      app.close()
    },
  }
}

function startLimitedGuard(directory: string, frames: FrameServer, appPort: number): Promise<LimitedProcess> {
  return startLimited({
    command: process.execPath,
    args: [join(directory, 'guard.mjs')],
    mebibytes: 192,
    upWith: '"guarding"',
    env: {
      NODE_OPTIONS: guardFlags.join(' '),
      LATCHKEY_SERVICE: service,
      LATCHKEY_UPSTREAM: `http://127.0.0.1:${appPort}`,
      LATCHKEY_LISTEN: '127.0.0.1:0',
      LATCHKEY_ADMIN_LISTEN: '127.0.0.1:0',
      LATCHKEY_SNAPSHOT_URL: frames.url,
      LATCHKEY_CA_FILE: frames.caFile,
      LATCHKEY_TOKEN_FILE: frames.tokenFile,
      LATCHKEY_SNAPSHOT_FILE: join(frames.folder, 'snapshot.json'),
      LATCHKEY_DRAIN_GRACE: '0s',
    },
  })
}
