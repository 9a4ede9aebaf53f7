import { runOperator } from '../../../../operator/run-operator.ts'
import { systemClock } from '../../../../platform/clock.ts'
import type { KubeClient, Resource } from '../../../../platform/kube/client.ts'
import type { WatchEvent } from '../../../../platform/kube/watch-stream.ts'
import { configOf, type TestCluster, testLog } from '../cluster.ts'

/**
 * What happens to a leader right after a write of its own was committed: kill -9 (nothing more comes of it), SIGSTOP (it
 * goes on later, believing what it knew), SIGTERM, or an answer that never comes while it lives on. `late` is SIGSTOP
 * right before a write, which is sent when another has long done the same.
 */
export const faults = ['killed', 'paused', 'terminated', 'unanswered', 'late'] as const
export type Fault = (typeof faults)[number]

export interface Stop {
  /** After how many writes. */
  readonly at: number
  readonly fault: Fault
}

/** An operator of this process that leads without asking, and can be stopped between any two of its writes. */
export interface Leader {
  /** From now on: after this many writes the fault. */
  arm(stop: Stop): void
  /** Whether it has happened. */
  reached(): boolean
  /** SIGCONT: whatever it was about to do it does now. */
  resume(): void
  stop(): Promise<void>
}

/** Those that mean nothing to the life of a key. */
const passedOver = ['events', 'leases']

export async function startLeader(
  cluster: TestCluster,
  time: { readonly aheadMs: number },
  stop?: Stop,
): Promise<Leader> {
  const gate = createGate()
  if (stop) gate.arm(stop)
  const client = gated(cluster.client, gate)
  const clock = { ...systemClock, wallMs: () => Date.now() + time.aheadMs }
  const config = configOf({ publishAheadMs: 2_000 })
  const operator = await runOperator({ client, config, clock, log: testLog('silent') })
  gate.onTerminate(() => void operator.stop())
  return {
    arm: gate.arm,
    reached: gate.reached,
    resume: gate.resume,
    async stop() {
      // One that is dead or stopped may wait for answers: none come.
      gate.kill()
      await operator.stop()
    },
  }
}

function createGate() {
  let left = Number.POSITIVE_INFINITY
  let fault: Fault = 'killed'
  let dead = false
  let paused: Promise<void> | undefined
  let resume = () => {}
  let terminate = () => {}
  let reached = false
  const gate = {
    async pass(): Promise<void> {
      await paused
      if (dead) throw new Error('this leader was killed')
    },
    /** Before a write. */
    async sending(): Promise<void> {
      if (fault !== 'late' || --left !== 0) return
      reached = true
      gate.pause()
      await gate.pass()
    },
    /** After a committed write. */
    written(): void {
      if (fault === 'late' || --left !== 0) return
      reached = true
      if (fault === 'killed') gate.kill()
      else if (fault === 'terminated') terminate()
      else if (fault === 'unanswered') throw new Error('no answer came in time')
      else gate.pause()
    },
    pause(): void {
      paused = new Promise(resolve => {
        resume = resolve
      })
    },
    kill(): void {
      dead = true
      resume()
    },
    resume: () => resume(),
    onTerminate(stop: () => void): void {
      terminate = stop
    },
    arm(stop: Stop): void {
      left = stop.at
      fault = stop.fault
    },
    reached: () => reached,
  }
  return gate
}

function gated(client: KubeClient, gate: ReturnType<typeof createGate>): KubeClient {
  const read = <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) => {
    return async (...args: Args): Promise<Result> => {
      await gate.pass()
      const found = await call(...args)
      await gate.pass()
      return found
    }
  }
  const write = <Args extends [Resource, ...unknown[]], Result>(call: (...args: Args) => Promise<Result>) => {
    return async (...args: Args): Promise<Result> => {
      await gate.pass()
      const counts = !passedOver.includes(args[0].plural)
      if (counts) await gate.sending()
      const found = await call(...args)
      if (counts) gate.written()
      await gate.pass()
      return found
    }
  }
  return {
    get: read(client.get) as KubeClient['get'],
    getMetadata: read(client.getMetadata),
    list: read(client.list) as KubeClient['list'],
    scan: read(client.scan) as KubeClient['scan'],
    raw: read(client.raw) as KubeClient['raw'],
    create: write(client.create) as KubeClient['create'],
    update: write(client.update) as KubeClient['update'],
    apply: write(client.apply) as KubeClient['apply'],
    patch: write(client.patch) as KubeClient['patch'],
    delete: write(client.delete),
    async *watch(...args): AsyncIterable<WatchEvent> {
      await gate.pass()
      for await (const event of client.watch(...args)) {
        await gate.pass()
        yield event
      }
    },
    close: async () => undefined,
  }
}
