import { randomBytes } from 'node:crypto'
import type { ClientRow, Row } from '../../core/rows/rows.ts'
import { type FedGuard, startFedGuard } from './fed-guard.ts'
import { full } from './frame-server.ts'
import { rowsOf } from './policy-rows.ts'

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
  const clientId = `sc_${randomBytes(13).toString('hex')}`
  return {
    type: 'client',
    clientId,
    namespace: 'callers',
    name,
    issuer: `https://latchkey-issuer.latchkey-system.svc/default/v1/clients/${clientId}`,
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
export interface SlicedGuard extends Pick<FedGuard, 'process' | 'restartAlone' | 'call' | 'stop'> {
  /** How many it has taken. */
  taken(): number
  /** Bytes of the last of them on disk; 0 until it is there. */
  stored(): Promise<number>
}

const chartMebibytes = 192

/** @param directory of the bundled guard */
export async function sendSlices(directory: string, slices: readonly Row[][]): Promise<SlicedGuard> {
  const guard = await startFedGuard(directory, chartMebibytes)
  const frames = slices.map((rows, at) => full(rows, { apiclients: String(at) }))
  let taken = 0
  const feeding = async (): Promise<void> => {
    for (const frame of frames) {
      await guard.feed(frame)
      taken++
    }
  }
  // One that is not taken ends it; how many were says the rest.
  feeding().catch(() => {})
  return {
    get process() {
      return guard.process
    },
    taken: () => taken,
    stored: () => guard.stored(frames.at(-1)?.hash ?? ''),
    restartAlone: guard.restartAlone,
    call: guard.call,
    stop: guard.stop,
  }
}
