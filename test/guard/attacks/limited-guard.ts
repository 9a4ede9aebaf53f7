import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { storeSnapshot } from '../../../bench/peers/stored-snapshot.ts'
import { guardFlags } from '../../../platform/guard-process.ts'
import { sidecarSettings } from '../../builders/sidecar-settings.ts'
import { type LimitedProcess, startLimited } from '../../cluster/limited-process.ts'
import { rowsOf, service } from '../policy-rows.ts'
import { listen } from '../rig.ts'

/** The chart's `guard.resources.limits.memory`. */
const chartMebibytes = 192

/** An answer that is read in one piece. */
const big = Buffer.alloc(64_500, 0x79)

/** The guard as it ships, within its chart's memory, before an app of this process. */
export interface LimitedGuard {
  readonly port: number
  readonly adminPort: number
  readonly process: LimitedProcess
  /** How often callers met this limit. */
  limitsHit(limit: string): Promise<number>
  stop(): Promise<void>
}

/** @param directory what `bundleGuard` made */
export async function startLimitedGuard(
  directory: string,
  env: Readonly<Record<string, string>> = {},
  mebibytes = chartMebibytes,
): Promise<LimitedGuard> {
  const folder = await mkdtemp(join(tmpdir(), 'limited-guard-'))
  const upgraded = new Set<Duplex>()
  const app = await listen(
    createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
      request.on('error', () => {}).resume()
      request.on('end', () => response.end(request.url === '/open/big' ? big : 'from the app'))
    }).on('upgrade', (_request, socket) => {
      // It talks and does not listen.
      upgraded.add(socket)
      socket.on('error', () => {}).pause()
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      for (let at = 0; at < 50; at++) socket.write(big)
    }),
  )
  await storeSnapshot(join(folder, 'snapshot.json'), service, rowsOf())
  await writeFile(join(folder, 'ca.crt'), '')
  const process_ = await startLimited({
    command: process.execPath,
    args: [join(directory, 'latchkey.mjs'), 'guard'],
    env: {
      NODE_OPTIONS: guardFlags.join(' '),
      ...sidecarSettings(folder, { service, appPort: app.port, issuer: { url: 'https://127.0.0.1:9' } }),
      // Pages of a file would count as memory of the process.
      LATCHKEY_AUDIT: '/dev/null',
      ...env,
    },
    mebibytes,
    upWith: '"guarding"',
  })
  const line = process_.said().find(said => said.includes('"guarding"')) ?? '{}'
  const { port, adminPort } = JSON.parse(line) as { port: number; adminPort: number }
  return {
    port,
    adminPort,
    process: process_,
    async limitsHit(limit) {
      const answer = await fetch(`http://127.0.0.1:${adminPort}/metrics`, { signal: AbortSignal.timeout(10_000) })
      const value = new RegExp(`^latchkey_guard_limits_hit_total\\{limit="${limit}"\\} (\\d+)$`, 'm').exec(
        await answer.text(),
      )
      return Number(value?.[1] ?? 0)
    },
    async stop() {
      await process_.stop()
      for (const socket of upgraded) socket.destroy()
      await app.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
