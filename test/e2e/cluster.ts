import { kubectl } from '../demo/install.ts'

/** Applies YAML or JSON. */
export const apply = (manifest: string | object): Promise<string> =>
  kubectl(['apply', '-f', '-'], typeof manifest === 'string' ? manifest : JSON.stringify(manifest))

/** An object as JSON. @throws Error when it is not there */
export async function read<T>(resource: string, namespace: string, name: string): Promise<T> {
  return JSON.parse(await kubectl(['get', resource, name, '--namespace', namespace, '--output', 'json'])) as T
}

/** Waits for a condition as a user would. */
export const waitFor = (resource: string, namespace: string, condition: string, timeout = '90s'): Promise<string> =>
  kubectl(['wait', resource, '--namespace', namespace, `--for=${condition}`, `--timeout=${timeout}`])

export const remove = (resource: string, namespace: string, name: string): Promise<string> =>
  kubectl(['delete', resource, name, '--namespace', namespace, '--ignore-not-found', '--wait=true', '--timeout=60s'])

/** What the API server says when it refuses, or `accepted`. */
export const refusal = (manifest: object, args: readonly string[] = []): Promise<string> =>
  kubectl(['create', ...args, '-f', '-'], JSON.stringify(manifest)).then(
    () => 'accepted',
    (error: Error) => error.message,
  )

export interface Pod {
  readonly metadata: {
    readonly name: string
    readonly labels?: Record<string, string>
    readonly deletionTimestamp?: string
  }
  readonly status: {
    readonly podIP?: string
    readonly conditions?: readonly { readonly type: string; readonly status: string }[]
  }
}

export async function podsOf(namespace: string, selector: string): Promise<Pod[]> {
  const text = await kubectl(['get', 'pods', '--namespace', namespace, '--selector', selector, '--output', 'json'])
  return (JSON.parse(text) as { items: Pod[] }).items
}

/** Addresses and named ports behind a Service, as kube-proxy sees them. */
export async function endpointsOf(namespace: string, service: string): Promise<string[]> {
  const text = await kubectl([
    'get',
    'endpointslices',
    '--namespace',
    namespace,
    '--selector',
    `kubernetes.io/service-name=${service}`,
    '--output',
    'json',
  ])
  const { items } = JSON.parse(text) as {
    items: { ports?: { port: number }[]; endpoints?: { addresses: string[]; conditions: { ready?: boolean } }[] }[]
  }
  return items.flatMap(slice =>
    (slice.endpoints ?? [])
      .filter(endpoint => endpoint.conditions.ready)
      .flatMap(endpoint => (slice.ports ?? []).map(port => `${endpoint.addresses[0]}:${port.port}`)),
  )
}
