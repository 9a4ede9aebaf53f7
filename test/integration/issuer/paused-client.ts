import type { KubeClient } from '../../../platform/kube/client.ts'

/** A client whose watches of one resource can be held up, so that a replica lags behind the others. */
export function createPausableClient(client: KubeClient, plural: string) {
  let gate: { open: Promise<void>; release: () => void } | undefined

  async function* watch(
    ...[resource, options]: Parameters<KubeClient['watch']>
  ): ReturnType<KubeClient['watch']> & AsyncGenerator {
    for await (const event of client.watch(resource, options)) {
      if (resource.plural === plural) await gate?.open
      yield event
    }
  }
  return {
    client: { ...client, watch } as KubeClient,
    pause() {
      let release = () => {}
      const open = new Promise<void>(resolve => {
        release = resolve
      })
      gate = { open, release }
    },
    resume() {
      gate?.release()
      gate = undefined
    },
  }
}
