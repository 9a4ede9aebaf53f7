import { lookup } from '../../core/base/shared-map.ts'
import type { Snapshot } from '../../core/snapshot/snapshot.ts'
import { createPolicy, type Policy } from '../../enforce/policy/policy.ts'
import { createSlice } from '../../enforce/policy/slice.ts'
import { createSnapshotClient } from '../../enforce/policy/snapshot-client.ts'
import { systemClock } from '../../platform/clock.ts'
import { createLog } from '../../platform/log.ts'
import { type Awaited, answerOrders, type Reached } from './awaiting.ts'
import { sharedRole } from './names.ts'

// Guards in one process: each with its stream, its rows and its policy as the guard that ships has them, without callers.

export interface GuardsOrder {
  readonly caFile: string
  readonly guards: readonly { readonly service: string; readonly tokenFile: string; readonly url: string }[]
}

const log = createLog({ process: 'guards', level: 'fatal' })

answerOrders(({ caFile, guards }: GuardsOrder, reached: Reached) => {
  for (const [at, { service, tokenFile, url }] of guards.entries()) {
    const policy = createPolicy(systemClock)
    const slice = createSlice(policy)
    reached.add(at, awaited => isInForce(awaited, policy))
    createSnapshotClient({
      url,
      service,
      caFile,
      tokenFile,
      version: 'bench',
      slice,
      findings: () => ({}),
      onTaken: taken => {
        if (taken === 'applied') reached.look(at)
      },
      onConnected: () => {},
      clock: systemClock,
      log,
      backoff: { minMs: 200, maxMs: 2_000 },
    }).start()
  }
})

function isInForce(awaited: Awaited, policy: Policy): boolean {
  const snapshot = policy.snapshot()
  return snapshot !== undefined && policy.unfit() === undefined && holds(awaited, snapshot)
}

function holds(awaited: Awaited, snapshot: Snapshot): boolean {
  if ('value' in awaited) return lookup(snapshot.roles, sharedRole)?.rules[0]?.paths?.[0] === awaited.value
  const keysOf = (client: string) => lookup(snapshot.clients, client)?.row.keys ?? []
  if ('usable' in awaited) return keysOf(awaited.usable).some(({ revoked }) => !revoked)
  return keysOf(awaited.revoked).every(({ revoked }) => revoked)
}
