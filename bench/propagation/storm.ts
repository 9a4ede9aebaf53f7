import type { KubeClient } from '../../platform/kube/client.ts'
import { roles } from '../../platform/kube/resources.ts'
import { namespace } from './names.ts'

/** Other changes, so many a second, each of one service's own role: ten guards each. */
export interface Storm {
  /** @returns how many a second were acknowledged */
  end(): Promise<number>
}

const perSecond = 100
const tickMs = 20

export function startStorm(client: Pick<KubeClient, 'patch'>, services: readonly string[]): Storm {
  const began = performance.now()
  const under = new Set<Promise<unknown>>()
  let sent = 0
  let failed: unknown
  const timer = setInterval(() => {
    for (const due = ((performance.now() - began) * perSecond) / 1_000; sent < due; sent++) {
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
      return (sent * 1_000) / (performance.now() - began)
    },
  }
}
