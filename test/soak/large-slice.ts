import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { ClientRow, Row } from '../../core/snapshot/rows.ts'
import { guardFlags } from '../../platform/guard-flags.ts'
import { type LimitedProcess, startLimited } from '../cluster/limited-process.ts'
import type { FrameServer } from '../guard/frame-server.ts'
import { rowsOf, service } from '../guard/policy-rows.ts'

/** Rows of a service that many clients may call, about as many as this many bytes of JSON. */
export function rowsOfSize(bytes: number): Row[] {
  const rows: Row[] = rowsOf()
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

/** The guard as it ships and as the chart limits it, with its policy from this server. */
export async function startLimitedGuard(
  directory: string,
  frames: FrameServer,
  options: { mebibytes: number; app: number },
): Promise<{ process: LimitedProcess; port: number }> {
  const process_ = await startLimited({
    command: process.execPath,
    args: [join(directory, 'guard.mjs')],
    mebibytes: options.mebibytes,
    upWith: '"guarding"',
    env: {
      NODE_OPTIONS: guardFlags.join(' '),
      LATCHKEY_SERVICE: service,
      LATCHKEY_UPSTREAM: `http://127.0.0.1:${options.app}`,
      LATCHKEY_LISTEN: '127.0.0.1:0',
      LATCHKEY_ADMIN_LISTEN: '127.0.0.1:0',
      LATCHKEY_SNAPSHOT_URL: frames.url,
      LATCHKEY_CA_FILE: frames.caFile,
      LATCHKEY_TOKEN_FILE: frames.tokenFile,
      LATCHKEY_SNAPSHOT_FILE: join(frames.folder, 'snapshot.json'),
      LATCHKEY_DRAIN_GRACE: '0s',
    },
  })
  const said = process_.said().find(line => line.includes('"guarding"')) ?? ''
  return { process: process_, port: Number(/"port":(\d+)/.exec(said)?.[1]) }
}
