import { type Cluster, withCluster } from '../frame/cluster.ts'
import type { CommandIo, Given } from '../frame/command.ts'
import { CommandError, type Outcome } from '../frame/exit-codes.ts'
import { formatted } from '../frame/output.ts'
import { readToken } from '../token-text.ts'
import { confirm } from './confirm.ts'
import type { leaked as entry } from './entry.ts'
import { createKeyTraffic } from './key-traffic.ts'
import { type GivenKey, isOf, readKey } from './read-key.ts'
import { readAudit, readGuardLogs } from './read-logs.ts'
import { type LeakReport, renderLeak } from './render.ts'
import { awaitRevoked, entryOf, findByKid, type Revoked, revoke, type StoredKey } from './revoke.ts'

type LeakOptions = Given<typeof entry.options>['options']

/** @throws CommandError */
export async function answerLeak(
  { arguments: [given = ''], options }: Given<typeof entry.options>,
  io: CommandIo,
): Promise<Outcome> {
  const { kubeconfig, context, namespace, yes, audit, output } = options
  const readsInput = [given, audit].filter(each => each === '-').length
  if (readsInput > 1) throw new CommandError('usage', 'standard input holds the token or the audit log, not both')
  if (readsInput > 0 && !yes)
    throw new CommandError('usage', 'nobody can be asked while standard input is read: add --yes')
  if (given === '-' && io.input.isTTY) throw new CommandError('usage', 'send the token to standard input')
  const key = readKey(given === '-' ? await readToken('-', io) : given)
  const { kid } = key
  const choice = { kubeconfig, context, namespace, allNamespaces: namespace === undefined }
  return withCluster(choice, io, async cluster => {
    const found = await findByKid(cluster, kid)
    refuseForged(key, found)
    const due = found.filter(key => entryOf(key, kid)?.state !== 'Revoked')
    if (due.length > 0 && !yes && !(await confirm(questionOf(due), io))) return 'bad'
    const accessKeys = await revokeAll(cluster, found, kid, options)
    const report: LeakReport = { kid, accessKeys, ...(await lookThrough(cluster, kid, options, io)) }
    if (found.length === 0)
      io.complain(`No AccessKey publishes the key ${kid}${whereOf(namespace)}: no guard takes it.\n`)
    io.write(await formatted(output, report, () => renderLeak(report)))
    const missing = accessKeys.find(key => key.missing !== undefined)
    if (missing) throw new CommandError('timeout', `AccessKey ${missing.namespace}/${missing.name}: ${missing.missing}`)
    return found.length === 0 ? 'bad' : 'ok'
  })
}

/** @throws CommandError where a token was given that the key did not sign: whoever wrote it wants to see the key revoked */
function refuseForged(given: GivenKey, found: readonly StoredKey[]): void {
  for (const key of found) {
    const entry = entryOf(key, given.kid)
    if (!entry || isOf(given, entry, key.spec.algorithm)) continue
    throw new CommandError(
      'usage',
      `the token names the key ${given.kid}, which did not sign it: anybody can write such a token. Nothing was revoked; to revoke that key, give its id`,
    )
  }
}

/** First all are revoked, and only then is it waited for one after the other. */
async function revokeAll(
  cluster: Cluster,
  found: readonly StoredKey[],
  kid: string,
  { timeout }: LeakOptions,
): Promise<Revoked[]> {
  const wasRevoked = (key: StoredKey): boolean => entryOf(key, kid)?.state === 'Revoked'
  const written: StoredKey[] = []
  for (const key of found) written.push(wasRevoked(key) ? key : await revoke(cluster, key, kid))
  const outcomes: Revoked[] = []
  for (const [at, key] of written.entries()) {
    const outcome = await awaitRevoked(cluster, key, { kid, timeoutSeconds: timeout })
    outcomes.push(found[at] && wasRevoked(found[at]) ? { ...outcome, alreadyRevoked: true } : outcome)
  }
  return outcomes
}

async function lookThrough(
  cluster: Cluster,
  kid: string,
  { audit, logs }: LeakOptions,
  io: CommandIo,
): Promise<Omit<LeakReport, 'kid' | 'accessKeys'>> {
  if (audit === undefined && logs === 'skip') return {}
  const traffic = createKeyTraffic(kid)
  const read = audit === undefined ? { logs: await readGuardLogs(cluster, traffic) } : undefined
  if (audit !== undefined) await readAudit(audit, traffic, io)
  return {
    calls: traffic.calls(),
    untoldCalls: traffic.untold(),
    foreignLines: traffic.foreign(),
    unreadableLines: traffic.unreadable(),
    ...read,
  }
}

function questionOf(due: readonly StoredKey[]): string {
  const names = due.map(({ metadata: { namespace, name } }) => `${namespace}/${name}`).join(', ')
  const brought = due.some(({ spec }) => spec.publicKey !== undefined)
  const next = brought
    ? 'Its owner has to bring another public key.'
    : 'A new key is minted; pods have it when the kubelet has put it there, within about a minute, and until then their calls are refused.'
  return `Revoke every key of AccessKey ${names} at once? ${next}`
}

function whereOf(namespace: string | undefined): string {
  return namespace === undefined ? '' : ` in namespace ${namespace}`
}
