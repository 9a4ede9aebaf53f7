import { existsSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { KubeConnection } from './access.ts'
import { once, remembered } from './remembered.ts'

type Environment = Readonly<Record<string, string | undefined>>

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount'

/**
 * A connection of a process of ours: from a kubeconfig, or the pod's own service account when none is named and its files
 * are there, or else as kubectl finds one.
 * @throws Error when the named kubeconfig cannot be read; what is wrong inside shows at the first request
 */
export function loadKubeConnection(options: {
  readonly kubeconfig?: string | undefined
  /** Where Kubernetes tells its pods the API server's address. */
  readonly env?: Environment
}): KubeConnection {
  const { kubeconfig, env = {} } = options
  if (kubeconfig !== undefined) readFileSync(kubeconfig)
  const pod = kubeconfig === undefined ? podConnection(env) : undefined
  if (pod) return pod
  // No pod needs what reads kubeconfigs: it is loaded only here.
  const connected = once(async () => {
    const { connectByKubeconfig } = await import('./kubeconfig/connect.ts')
    return connectByKubeconfig({ kubeconfig, env })
  })
  return { access: async () => (await connected()).access() }
}

/** The service account of the pod that this runs in. */
export function podConnection(env: Environment): KubeConnection | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env
  if (!host || !existsSync(`${serviceAccount}/token`)) return undefined
  return inCluster(`https://${host.includes(':') ? `[${host}]` : host}:${port ?? '443'}`, serviceAccount)
}

/**
 * The pod's service account.
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
