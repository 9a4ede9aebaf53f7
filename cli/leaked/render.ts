import { columns, printable } from '../frame/output.ts'
import type { KeyCalls } from './key-traffic.ts'
import type { LogsRead } from './read-logs.ts'
import type { Revoked } from './revoke.ts'

/** All that the command did and found. */
export interface LeakReport {
  readonly kid: string
  /** The AccessKeys that had the key. */
  readonly accessKeys: readonly Revoked[]
  /** What the key did; absent where nothing was looked through. */
  readonly calls?: readonly KeyCalls[]
  /** Calls that are not told apart. */
  readonly untoldCalls?: number
  /** Lines in the log of a service's pod that speak of another service. */
  readonly foreignLines?: number
  /** Lines of the logs that were no audit line. */
  readonly unreadableLines?: number
  readonly logs?: LogsRead
}

/** The report for people. */
export function renderLeak(report: LeakReport): string {
  const keys = report.accessKeys.map(keyLines).join('')
  return `${keys}${callLines(report)}${logLines(report)}`
}

function keyLines(key: Revoked): string {
  const {
    namespace,
    name,
    client,
    alreadyRevoked,
    keysNotBefore,
    refusedAfterSeconds,
    newKey,
    newKeyAfterSeconds,
    secret,
    missing,
  } = key
  const lines = [
    `AccessKey ${namespace}/${name} of client ${client}`,
    ...(keysNotBefore === undefined ? [] : [`  keysNotBefore: ${keysNotBefore}`]),
    ...(alreadyRevoked ? ['  the key was revoked before'] : []),
    ...(refusedAfterSeconds === undefined ? [] : [`  refused by every guard after ${refusedAfterSeconds} s`]),
    ...(newKey === undefined
      ? []
      : [`  new key ${newKey}${secret === undefined ? '' : ` in Secret ${secret}`} after ${newKeyAfterSeconds} s`]),
    ...(missing === undefined ? [] : [`  NOT DONE: ${missing}`]),
  ]
  return `${lines.map(printable).join('\n')}\n`
}

function callLines({ kid, calls, untoldCalls = 0, foreignLines = 0, unreadableLines = 0 }: LeakReport): string {
  if (!calls) return ''
  const left = [
    ...(untoldCalls > 0 ? [`${untoldCalls} more calls were of too many kinds to be told apart.`] : []),
    ...(foreignLines > 0
      ? [`${foreignLines} lines of pods spoke of services that the pods do not guard; they are not believed.`]
      : []),
    ...(unreadableLines > 0 ? [`${unreadableLines} lines were no audit lines, or were cut short.`] : []),
  ]
  const rest = left.length > 0 ? `${left.join('\n')}\n` : ''
  if (calls.length === 0) return `\nThe logs that were read tell of no call with the key ${kid}.\n${rest}`
  const rows = calls.map(one =>
    [
      one.service,
      one.method,
      one.route,
      `${one.decision} ${one.reason}`,
      `${one.calls}`,
      one.firstSeen,
      one.lastSeen,
      one.peers.join(' ') + (one.morePeers > 0 ? ' and more' : ''),
    ].map(printable),
  )
  return `\nWhat the key did\n${columns([heads, ...rows])}${rest}`
}

const heads = ['SERVICE', 'METHOD', 'ROUTE', 'DECISION', 'CALLS', 'FIRST', 'LAST', 'FROM']

function logLines({ logs }: LeakReport): string {
  if (!logs) return ''
  const unread = logs.unread.map(each => `- ${printable(each)}\n`).join('')
  const read = `\nLogs of ${logs.read} guards were read.\n`
  return unread === '' ? read : `${read}Not read, so that more may have happened:\n${unread}`
}
