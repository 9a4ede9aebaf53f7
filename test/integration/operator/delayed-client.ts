import type { KubeClient } from '../../../platform/kube/client.ts'

/** A client whose answers come late, though what they answer to was done at once. Watches begin late and then go on. */
export function delayed(client: KubeClient, ms: number): KubeClient {
  const late = <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) => {
    return async (...args: Args): Promise<Result> => {
      const answer = await call(...args)
      await new Promise(resolve => setTimeout(resolve, ms))
      return answer
    }
  }
  return {
    ...client,
    get: late(client.get) as KubeClient['get'],
    getMetadata: late(client.getMetadata),
    list: late(client.list) as KubeClient['list'],
    scan: late(client.scan) as KubeClient['scan'],
    create: late(client.create) as KubeClient['create'],
    update: late(client.update) as KubeClient['update'],
    apply: late(client.apply) as KubeClient['apply'],
    patch: late(client.patch) as KubeClient['patch'],
    delete: late(client.delete),
  }
}
