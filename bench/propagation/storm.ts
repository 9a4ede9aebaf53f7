import { createKubeClient } from '../../platform/kube/client.ts'
import { inCluster } from '../../platform/kube/connection.ts'
import { roles } from '../../platform/kube/resources.ts'
import type { Plane } from '../control-plane/plane.ts'
import { namespace } from './names.ts'

/** Other changes, so many a second, each of one service's own role: ten guards each. */
export interface Storm {
  /** @returns how many a second were acknowledged */
  end(): Promise<number>
  /** At once; what is under way may fail. */
  abandon(): Promise<void>
}

const perSecond = 100
const tickMs = 20
/** Where the API server takes fewer than that, the storm is a weaker one, and its rate says so. */
const mostUnderWay = 64

export function startStorm(plane: Plane, services: readonly string[]): Storm {
  // A client of its own: what is measured must not wait behind the storm before it is sent.
  const client = createKubeClient(inCluster(plane.url, plane.accountDirectory))
  const began = performance.now()
  const under = new Set<Promise<unknown>>()
  let due = 0
  let sent = 0
  let failed: unknown
  const timer = setInterval(() => {
    for (; due < ((performance.now() - began) * perSecond) / 1_000; due++) {
      if (under.size >= mostUnderWay) continue
      sent++
      const name = services[sent % services.length] as string
      const spec = { rules: [{ services: [name], methods: ['GET'], paths: [`/own/v-${sent}`] }] }
      const one = client.patch(roles, namespace, name, { spec }).catch(error => {
        failed = error
      })
      under.add(one)
      void one.then(() => under.delete(one))
    }
  }, tickMs)
  return {
    async end() {
      clearInterval(timer)
      await Promise.all(under)
      if (failed) throw new Error('a change of the storm failed', { cause: failed })
      const perSecondReached = (sent * 1_000) / (performance.now() - began)
      await client.close()
      return perSecondReached
    },
    async abandon() {
      clearInterval(timer)
      await client.close()
    },
  }
}
