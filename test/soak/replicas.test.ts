import { describe, it } from 'vitest'
import { startCluster } from '../integration/policies/setup.ts'
import { stops } from '../integration/replicas/replica-process.ts'
import { stopIssuer } from '../integration/replicas/stop-issuer.ts'
import { stopWebhook } from '../integration/replicas/stop-webhook.ts'

describe.each(stops)('one of two replicas, by %s', stop => {
  it('the issuer that a guard hears: the guard moves over, and a key that is revoked meanwhile is refused (F01, F12, F13)', () =>
    stopIssuer(stop))

  it('K14 the webhook that is asked: nothing passes unlooked at, and the other answers', async () => {
    const cluster = await startCluster('webhook-replicas', { shop: {}, 'latchkey-system': {} })
    try {
      await stopWebhook(cluster, stop)
    } finally {
      await cluster.stop()
    }
  })
})
