import type { KubeClient } from '../../platform/kube/client.ts'

const writing = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

/** Requests that a process of ours sent to the API server, as its metrics say. */
export function countSent(metrics: string): { readonly all: number; readonly writes: number } {
  let all = 0
  let writes = 0
  for (const [, labels = '', value] of metrics.matchAll(/^rest_client_requests_total\{([^}]*)\} (\d+)/gm)) {
    const method = /method="(\w+)"/.exec(labels)?.[1] ?? ''
    all += Number(value)
    if (writing.has(method)) writes += Number(value)
  }
  return { all, writes }
}

/** Requests that the API server answered, by verb and resource: `PATCH accesskeys/status`. Watches are left out. */
export function countAnswered(metrics: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const [, labels = '', value] of metrics.matchAll(/^apiserver_request_total\{([^}]*)\} (\S+)/gm)) {
    const of = (name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1] ?? ''
    if (of('verb') === 'WATCH') continue
    const name = `${of('verb')} ${of('resource')}${of('subresource') === '' ? '' : `/${of('subresource')}`}`
    counts.set(name, (counts.get(name) ?? 0) + Number(value))
  }
  return counts
}

export async function answeredBy(client: KubeClient): Promise<ReadonlyMap<string, number>> {
  return countAnswered(await client.raw<string>('GET', '/metrics'))
}

/** What was answered between the two, the most first. */
export function answeredBetween(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): readonly { readonly what: string; readonly count: number }[] {
  return [...after]
    .map(([what, count]) => ({ what, count: count - (before.get(what) ?? 0) }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
}
