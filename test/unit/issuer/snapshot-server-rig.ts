import { guardContainerName } from '../../../core/api/guarded-pod.ts'
import type { Used } from '../../../core/rows/frames.ts'
import { createStreamAuthorizer } from '../../../issuer/authenticate/authorize.ts'
import type { Holder } from '../../../issuer/authenticate/token-review.ts'
import type { Slices } from '../../../issuer/slices/slices.ts'
import { createSnapshotServer } from '../../../issuer/snapshots/snapshot-server.ts'
import { pods, services } from '../../../platform/kube/resources.ts'
import { target } from '../core/registry/objects.ts'
import { createAnswer, createRequest } from './guard-end.ts'
import { createSlicesRig } from './slices-rig.ts'

interface Coming {
  /** Of the pod that it comes from; otherwise it is no pod's. */
  pod?: string
  service?: string
  username?: string
  reads?: 'all' | 'nothing'
  /** What it sends first. */
  says?: string
}

/** The server of snapshots and all that it looks at, before an API server in memory; guards come as in-memory requests. */
export function createSnapshotServerRig() {
  const rig = createSlicesRig()
  const { clock, objects, documents, log, put } = rig
  const rights = new Set<string>()
  const used: [service: string, Used][] = []
  /** How the API server answers questions of rights. */
  const review = {
    mayEnforce: async (username: string) => rights.has(username),
    again: async (holder: Holder): Promise<Holder | undefined> => holder,
  }
  const authorizer = createStreamAuthorizer({
    objects,
    reviewer: { mayEnforce: ({ username }) => review.mayEnforce(username) },
    clock,
  })
  let whenCurrent = rig.slices.whenCurrent
  const slices: Slices = { ...rig.slices, whenCurrent: (service, done) => whenCurrent(service, done) }
  const server = createSnapshotServer({
    ...{ slices, objects, documents, authorizer, log, clock },
    reviewer: { reviewAgain: holder => review.again(holder) },
    usage: { take: ({ key }, said) => void used.push([key, said]) },
  })

  /** A guard comes. */
  function guard({ pod, service = 'shop/orders', username, reads = 'all', says }: Coming = {}) {
    const request = createRequest({})
    const answer = createAnswer(reads)
    const user = {
      username: username ?? (pod ? 'system:serviceaccount:shop:app' : 'system:serviceaccount:proxies:app'),
    }
    const bound = pod ? { pod: { namespace: 'shop', name: pod, uid: `uid-${pod}` } } : {}
    const holder: Holder = { user, ...bound, expiresAt: Math.floor(clock.wallMs() / 1_000) + 3_600 }
    request.write(says ?? `${JSON.stringify({ hello: { slice: service, version: 'test' } })}\n`)
    const served = server.serve(request, answer.response, 'token', holder)
    served.catch(() => {})
    return {
      ...answer,
      request,
      served,
      end: () => answer.last().end as { code: string; message: string } | undefined,
      /** It closes its connection. */
      leave() {
        request.destroy()
        answer.response.destroy()
      },
    }
  }

  return {
    ...rig,
    ...{ server, guard, rights, review, used },
    /** Slices are current when a test says so. */
    hold(wait: (done: () => void) => void): void {
      whenCurrent = (_service, done) => wait(done)
    },
    /** A pod of the namespace shop whose guard runs, behind orders unless labelled otherwise. */
    pod(name: string, labels: Record<string, string> = { app: 'orders' }, more: object = {}): void {
      put(pods, {
        metadata: { namespace: 'shop', name, uid: `uid-${name}`, labels },
        status: { initContainerStatuses: [{ name: guardContainerName, state: { running: {} } }] },
        ...more,
      })
    },
    /** The shop, whose Service orders selects the pods that are labelled so. */
    shop(): void {
      rig.shop()
      this.select({ app: 'orders' })
    },
    select(selector: Record<string, string>): void {
      const [, { metadata, spec }] = target('shop', 'orders')
      put(services, { metadata, spec: { ...spec, selector } })
    },
    async stop(): Promise<void> {
      server.drain()
      await rig.stop()
    },
  }
}
export type SnapshotServerRig = ReturnType<typeof createSnapshotServerRig>
