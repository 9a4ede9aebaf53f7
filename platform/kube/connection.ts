import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { RequestOptions } from 'node:https'
import { systemClock } from '../clock.ts'

/** What one request needs to reach the API server and be known there. Never logged. */
export interface KubeAccess {
  /** Base URL, without a trailing slash. */
  server: string
  /** Authorization and impersonation. */
  headers: Record<string, string>
  tls: TlsOptions
  /** HTTP proxy to go through, if the kubeconfig names one. */
  proxy?: string
  /** The namespace of the context, or the pod's own. */
  namespace?: string
}

export type TlsOptions = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>

/** Where the API server is and who we are there; credentials are renewed behind it. */
export interface KubeConnection {
  /** Current address and credentials, at most a minute old. @throws Error when a file or a plugin gives none. */
  access(): Promise<KubeAccess>
}

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * A connection from a kubeconfig, or the pod's own service account when none is named and its files are there,
 * or else $KUBECONFIG or ~/.kube/config.
 * @throws Error when the named kubeconfig cannot be read; what is wrong inside shows at the first request
 */
export function loadKubeConnection(options: {
  readonly kubeconfig?: string | undefined
  readonly context?: string
  /** Where Kubernetes tells its pods the API server's address. */
  readonly env?: Readonly<Record<string, string | undefined>>
}): KubeConnection {
  if (options.kubeconfig !== undefined) {
    readFileSync(options.kubeconfig)
    return fromKubeconfig(options.kubeconfig, options.context)
  }
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = options.env ?? {}
  if (host && existsSync(`${serviceAccount}/token`)) {
    return inCluster(`https://${host.includes(':') ? `[${host}]` : host}:${port ?? '443'}`, serviceAccount)
  }
  return fromKubeconfig(undefined, options.context)
}

/**
 * The pod's service account. Written here and not left to the client library, which would cost every pod 75 MB.
 * The kubelet renews the token at 80 % of its life; it is read again every minute, as client-go does.
 */
export function inCluster(server: string, directory: string): KubeConnection {
  return {
    access: remembered(60_000, async () => {
      const [token, ca, namespace] = await Promise.all(
        ['token', 'ca.crt', 'namespace'].map(name => readFile(`${directory}/${name}`, 'utf8')),
      )
      if (!token?.trim() || !ca) throw new Error(`no service account token in ${directory}`)
      return {
        server,
        headers: { authorization: `Bearer ${token.trim()}` },
        tls: { ca },
        ...(namespace && { namespace }),
      }
    }),
  }
}

/** Everything a kubeconfig can hold, exec plugins too, is the client library's business; it is loaded only here. */
function fromKubeconfig(file: string | undefined, context: string | undefined): KubeConnection {
  const loaded = once(async () => {
    const { KubeConfig } = await import('@kubernetes/client-node')
    const config = new KubeConfig()
    if (file === undefined) config.loadFromDefault()
    else config.loadFromFile(file)
    if (context !== undefined) config.setCurrentContext(context)
    return config
  })
  return {
    access: remembered(10_000, async () => {
      const config = await loaded()
      const cluster = config.getCurrentCluster()
      if (!cluster) throw new Error('the kubeconfig has no cluster for its current context')
      const namespace = config.getContextObject(config.getCurrentContext())?.namespace
      // Runs the exec plugin or the OIDC refresh when the credential it holds has expired.
      const found: RequestOptions = {}
      await config.applyToHTTPSOptions(found)
      return {
        server: cluster.server.replace(/\/+$/, ''),
        headers: { ...basic(found.auth), ...plainHeaders(found.headers) },
        tls: tlsOf(found),
        ...(cluster.proxyUrl && { proxy: cluster.proxyUrl }),
        ...(namespace && { namespace }),
      }
    }),
  }
}

function tlsOf(found: RequestOptions): TlsOptions {
  const names = ['ca', 'cert', 'key', 'servername', 'rejectUnauthorized'] as const
  return Object.fromEntries(names.flatMap(name => (found[name] === undefined ? [] : [[name, found[name]]])))
}

function basic(auth: RequestOptions['auth']): Record<string, string> {
  return auth ? { authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {}
}

function plainHeaders(headers: RequestOptions['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), String(value)]))
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make().catch(error => {
      made = undefined
      throw error
    })
    return made
  }
}

/** One call at a time, its result kept for `ms`. A failure is not kept: the next request tries again. */
function remembered<T>(ms: number, read: () => Promise<T>): () => Promise<T> {
  let current: Promise<T> | undefined
  let readAt = 0
  return () => {
    if (!current || systemClock.now() - readAt > ms) {
      readAt = systemClock.now()
      const reading = read()
      current = reading
      reading.catch(() => {
        if (current === reading) current = undefined
      })
    }
    return current
  }
}
