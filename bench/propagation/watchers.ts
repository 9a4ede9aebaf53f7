import { createKubeClient, type KubeObject } from '../../platform/kube/client.ts'
import { inCluster } from '../../platform/kube/connection.ts'
import { configMaps } from '../../platform/kube/resources.ts'
import { answerOrders, type Reached } from './awaiting.ts'
import { namespace, watched } from './names.ts'

// The peer: as many watches of the API server, all of one object, by our own client. What guards would have that asked
// Kubernetes themselves.

export interface WatchersOrder {
  readonly url: string
  readonly accountDirectory: string
  readonly count: number
  readonly resourceVersion: string
}

const watchSeconds = 3_600

answerOrders(async ({ url, accountDirectory, count, resourceVersion }: WatchersOrder, reached: Reached) => {
  const client = createKubeClient(inCluster(url, accountDirectory))
  const { signal } = new AbortController()
  const fieldSelector = `metadata.name=${watched}`
  const watch = async (at: number): Promise<void> => {
    let value: string | undefined
    reached.add(at, awaited => 'value' in awaited && awaited.value === value)
    const options = { namespace, fieldSelector, resourceVersion, timeoutSeconds: watchSeconds, signal }
    for await (const event of client.watch(configMaps, options)) {
      value = (event.object as KubeObject & { data?: { value?: string } }).data?.value ?? value
      reached.look(at)
    }
  }
  for (let at = 0; at < count; at++) {
    watch(at).catch(error => {
      // One that is missing would make the rest look faster.
      process.stderr.write(`a watch ended: ${error}\n`)
      process.exit(1)
    })
  }
})
