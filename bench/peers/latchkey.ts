import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Row } from '../../core/rows/rows.ts'
import { freePort, type Program } from '../machine/process.ts'
import { issuer, service } from '../policy/clients.ts'
import { type Contestant, type Lines, type Place, startContestant } from './contestant.ts'
import { productCommand } from './product-command.ts'
import { storeSnapshot } from './stored-snapshot.ts'

/** A guard, and where its probes are answered. */
export interface GuardContestant extends Contestant {
  readonly admin: string
}

/**
 * A guard without a cluster: `latchkey guard --manifests …`.
 * @param options.dist bundle of another tree
 */
export async function startGuardFromManifests(
  node: string,
  place: Place,
  options: { name: string; manifests: readonly object[]; lines: Lines; dist?: string },
): Promise<GuardContestant> {
  const { command, args, nodeEnv } = productCommand(node, options.dist)
  const { directory, audit, port, adminPort } = await rigOf(place, options)
  const manifests = join(directory, 'manifests')
  await mkdir(manifests, { recursive: true })
  const list = { apiVersion: 'v1', kind: 'List', items: options.manifests }
  await writeFile(join(manifests, 'policy.json'), JSON.stringify(list))
  const addresses = { '--listen': `127.0.0.1:${port}`, '--admin': `127.0.0.1:${adminPort}` }
  const upstream = `http://127.0.0.1:${place.originPort}`
  const flags = { '--manifests': manifests, '--service': service, '--upstream': upstream, '--issuer': issuer }
  const all = [...args, 'guard', ...Object.entries({ ...flags, ...addresses, '--audit': audit }).flat()]
  const program = { name: options.name, command, args: all, core: place.core, env: nodeEnv }
  return guardOf(await startContestant(program, port, lineFile(audit)), adminPort)
}

/** A guard as it is injected, that starts from its stored snapshot while the issuer is away. */
export async function startGuardFromSnapshot(
  node: string,
  place: Place,
  options: { name: string; rows: readonly Row[]; lines: Lines },
): Promise<GuardContestant> {
  const { program, port, adminPort, audit } = await injectedGuard(node, place, options)
  return guardOf(await startContestant(program, port, lineFile(audit)), adminPort)
}

/** The same, stored but not started. */
export async function injectedGuard(
  node: string,
  place: Place,
  options: { name: string; rows: readonly Row[]; lines: Lines },
): Promise<{ program: Program; port: number; adminPort: number; audit: string }> {
  const { command, args, nodeEnv, guardEnv } = productCommand(node)
  const { directory, audit, port, adminPort } = await rigOf(place, options)
  const snapshot = join(directory, 'snapshot.json')
  await storeSnapshot(snapshot, service, options.rows)
  const env = {
    ...nodeEnv,
    ...guardEnv,
    LATCHKEY_UPSTREAM: `http://127.0.0.1:${place.originPort}`,
    LATCHKEY_LISTEN: `127.0.0.1:${port}`,
    LATCHKEY_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
    LATCHKEY_CA_FILE: join(directory, 'ca.crt'),
    LATCHKEY_TOKEN_FILE: join(directory, 'token'),
    LATCHKEY_SNAPSHOT_FILE: snapshot,
    LATCHKEY_AUDIT: audit,
  }
  const program = { name: options.name, command, args: [...args, 'guard'], core: place.core, env }
  return { program, port, adminPort, audit }
}

/** Audit lines cannot be turned off: without a log they go to /dev/null. */
async function rigOf(place: Place, { name, lines }: { name: string; lines: Lines }) {
  const directory = join(place.directory, name)
  await mkdir(directory, { recursive: true })
  const audit = lines === 'written' ? join(directory, 'audit.log') : '/dev/null'
  return { directory, audit, port: await freePort(), adminPort: await freePort() }
}

function lineFile(audit: string): string | undefined {
  return audit === '/dev/null' ? undefined : audit
}

function guardOf(contestant: Contestant, adminPort: number): GuardContestant {
  return { ...contestant, admin: `http://127.0.0.1:${adminPort}` }
}
