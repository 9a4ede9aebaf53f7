import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { proposeRoles } from '../../core/learn/propose-role.ts'
import { createSeenTraffic, type SeenTraffic } from '../../core/learn/seen-traffic.ts'
import type { CommandIo, Given } from '../frame/command.ts'
import type { Outcome } from '../frame/exit-codes.ts'
import { issuerOfInstallation } from '../policy-options.ts'
import { readPolicy } from '../policy-source.ts'
import type { propose } from './entry.ts'
import { renderProposal } from './render.ts'

/** @throws Error with a sentence for people */
export async function proposeAccess(given: Given<typeof propose.options>, io: CommandIo): Promise<Outcome> {
  const { service, audit, manifests, snapshot, distinct, installation } = given.options
  const issuer = issuerOfInstallation(installation)
  const source =
    manifests === undefined && snapshot === undefined
      ? undefined
      : await readPolicy({ service, manifests, snapshot, issuer, installation, nowMs: io.nowMs })
  const traffic = createSeenTraffic(service)
  await readLines(audit === '-' ? io.input : createReadStream(audit), traffic, audit)
  const now = Math.floor(io.nowMs / 1_000)
  const proposal = proposeRoles(traffic.denied(), { service, rows: source?.rows, distinct, now })
  const leftOut = [...traffic.leftOut(), ...proposal.leftOut]
  const summary = { service, allowed: traffic.allowed(), passedOver: traffic.passedOver() }
  io.write(renderProposal(proposal, leftOut, summary))
  return 'ok'
}

async function readLines(input: NodeJS.ReadableStream, traffic: SeenTraffic, name: string): Promise<void> {
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) traffic.add(line)
  } catch (error) {
    throw new Error(`${name} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`)
  }
}
