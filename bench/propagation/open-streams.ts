import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { audienceOf } from '../../core/registry/ids.ts'
import { until } from '../../test/cluster/progress.ts'
import { clientTokenOf } from '../../test/integration/issuer/objects.ts'
import { type GuardPlace, type StreamingGuard, startStreamingGuard } from '../control-plane/streaming-guard.ts'
import type { Heard, Order } from '../open-calls/callers.ts'
import type { Client } from './world.ts'

const callsPerClient = 10
const sayEveryMs = 200
const pauseMs = 300
const now = (): number => performance.timeOrigin + performance.now()

/**
 * Calls that are open at a guard that ships, by HTTP/1.1, HTTP/2 and WebSocket, while their clients are revoked one by one.
 * @param about.revoke returns when the API server has acknowledged it
 * @returns of each call the milliseconds from the acknowledgement until its caller saw the end
 */
export async function timeOpenStreams(about: {
  readonly directory: string
  readonly core: number
  readonly snapshotUrl: string
  readonly caFile: string
  readonly place: GuardPlace
  readonly clients: readonly Client[]
  revoke(client: Client): Promise<unknown>
}): Promise<number[]> {
  const { clients, place } = about
  const app = fork(fileURLToPath(new URL('../open-calls/app.ts', import.meta.url)), [String(sayEveryMs)], {
    serialization: 'advanced',
  })
  const callers = fork(fileURLToPath(new URL('../open-calls/callers.ts', import.meta.url)), [], {
    serialization: 'advanced',
  })
  const ask = async (): Promise<Heard> => {
    callers.send({})
    return (await once(callers, 'message'))[0] as Heard
  }
  let guard: StreamingGuard | undefined
  try {
    const [appPort] = (await once(app, 'message')) as [number]
    guard = await startStreamingGuard({ ...about, name: 'real-guard', appPort })
    const [namespace = '', name = ''] = place.service.split('/')
    const audience = audienceOf({ metadata: { namespace, name }, spec: {} } as Parameters<typeof audienceOf>[0])
    const calls = clients.length * callsPerClient
    // Tokens of one client stand apart, so that it has calls of every kind.
    const tokens = Array.from({ length: calls }, (_, at) =>
      clientTokenOf(clients[at % clients.length] as Client, audience),
    )
    callers.send({ port: guard.port, tokens } satisfies Order)
    await until(`${calls} calls are open`, 60_000, async () => (await ask()).begun === calls, 250)
    const acknowledgedAt: number[] = []
    for (const client of clients) {
      await about.revoke(client)
      acknowledgedAt.push(now())
      await wait(pauseMs)
    }
    await until('every call has ended', 60_000, async () => (await ask()).ended.every(time => time > 0), 250)
    const { ended } = await ask()
    return ended.map((time, call) => Math.max(0, time - (acknowledgedAt[call % clients.length] as number)))
  } finally {
    callers.kill()
    app.kill()
    await guard?.stop()
  }
}
