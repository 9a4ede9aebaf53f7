import type { KubeClient, KubeObject } from '../../../../platform/kube/client.ts'
import type { WatchEvent } from '../../../../platform/kube/watch-stream.ts'

export interface Thing extends KubeObject {
  value?: string
}

/** What a watch does next: events, an error, the orderly end, or silence until it is cut. */
type Step = WatchEvent | Error | 'end' | 'hang'

/** Lists and watches that do what a test says, and remember what they were asked. */
export function createScriptedSource() {
  const lists: (Error | { items: Thing[]; resourceVersion: string; continue?: string })[] = []
  const watches: Step[][] = []
  const asked: { list: object[]; watch: { resourceVersion: string; timeoutSeconds: number }[] } = {
    list: [],
    watch: [],
  }
  let live: ((step: Step) => void) | undefined

  const client: Pick<KubeClient, 'list' | 'watch'> = {
    async list<T extends KubeObject>(_resource: unknown, options: object = {}) {
      const { signal: _, ...query } = options as { signal?: AbortSignal }
      asked.list.push(query)
      const next = lists.length > 1 ? lists.shift() : lists[0]
      if (!next) throw new Error('no list scripted')
      if (next instanceof Error) throw next
      return structuredClone(next) as unknown as { items: T[]; resourceVersion: string; continue?: string }
    },
    async *watch(_resource, { resourceVersion, timeoutSeconds, signal }) {
      asked.watch.push({ resourceVersion, timeoutSeconds })
      const steps = watches.shift() ?? ['hang']
      while (true) {
        const step = steps.shift() ?? 'end'
        if (step === 'end') return
        if (step instanceof Error) throw step
        if (step !== 'hang') {
          yield step
          continue
        }
        const next = await new Promise<Step>(resolve => {
          live = resolve
          if (signal.aborted) resolve(new Error('aborted'))
          signal.addEventListener('abort', () => resolve(new Error('aborted')))
        })
        if (next === 'hang') continue
        steps.unshift(next, ...(next instanceof Error || next === 'end' ? [] : (['hang'] as const)))
      }
    },
  }
  return { client, lists, watches, asked, send: (step: Step) => live?.(step) }
}

export function thing(name: string, resourceVersion: number, value = '', uid = `uid-${name}`): Thing {
  return { metadata: { name, namespace: 'ns', uid, resourceVersion: String(resourceVersion) }, value }
}

export function event(type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK', object: Thing): WatchEvent {
  return { type, object } as WatchEvent
}
