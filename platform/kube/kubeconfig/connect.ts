import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { KubeAccess, KubeConnection } from '../access.ts'
import { proxyOf } from '../proxy/proxy-of.ts'
import { once, remembered } from '../remembered.ts'
import { type ChosenContext, chooseContext } from './choose-context.ts'
import { createUserCredential } from './credential.ts'
import { bytesOf, type Entry, textOf } from './entry.ts'
import type { Around } from './exec-plugin.ts'

export interface KubeconfigOptions {
  /** A file; without, those of $KUBECONFIG, or ~/.kube/config. */
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether somebody sits at standard input, whom a plugin may ask. Default: nobody. */
  readonly isTerminal?: boolean | undefined
}

/**
 * A connection from kubeconfigs, as kubectl takes them.
 * @param pod who to be where nobody names a file or a context, and none says anything
 * @throws Error when the named file cannot be read; what is wrong inside shows at the first request
 */
export function connectByKubeconfig(options: KubeconfigOptions, pod?: KubeConnection | undefined): KubeConnection {
  const { kubeconfig, context, env, isTerminal = false } = options
  if (kubeconfig !== undefined) readFileSync(kubeconfig)
  const files = kubeconfig === undefined ? filesOf(env) : [kubeconfig]
  const loaded = once(async () => {
    const chosen = await chooseContext(files, kubeconfig === undefined ? 'Skipped' : 'Refused', context)
    if (!chosen && pod && kubeconfig === undefined && context === undefined) return pod.access
    if (!chosen) throw new Error(files.length === 0 ? 'there is none' : `there is nothing in ${files.join(', ')}`)
    return accessOf(chosen, { env, isTerminal })
  })
  return { access: async () => (await loaded())() }
}

function filesOf({ KUBECONFIG, HOME }: KubeconfigOptions['env']): readonly string[] {
  if (KUBECONFIG) return KUBECONFIG.split(delimiter).filter(file => file !== '')
  return HOME ? [join(HOME, '.kube', 'config')] : []
}

function accessOf({ namespace, cluster, user }: ChosenContext, around: Around): KubeConnection['access'] {
  const credential = createUserCredential(user, cluster, around)
  return remembered(10_000, async (): Promise<KubeAccess> => {
    const server = serverOf(cluster)
    const proxy = textOf(cluster, 'proxy-url') ?? proxyOf(server, around.env)
    const ca = await bytesOf(cluster, 'certificate-authority')
    // Node would take no authority from it, and say of every server that it is not to be trusted.
    if (ca && !ca.includes('-----BEGIN')) throw new Error(`certificate-authority of ${cluster.name} is no certificate`)
    const servername = textOf(cluster, 'tls-server-name')
    // No credential is sent where everybody could read it: `kubectl proxy` has its own.
    const isSecret = server.protocol === 'https:'
    const { headers, tls } = isSecret ? await credential() : { headers: {}, tls: {} }
    return {
      server: server.href.replace(/\/+$/, ''),
      headers,
      tls: {
        ...(ca && { ca }),
        ...tls,
        ...(servername !== undefined && { servername }),
        ...(cluster.fields['insecure-skip-tls-verify'] === true && { rejectUnauthorized: false }),
      },
      ...(proxy !== undefined && { proxy }),
      ...(namespace !== undefined && { namespace }),
    }
  })
}

function serverOf(cluster: Entry): URL {
  const server = textOf(cluster, 'server') ?? ''
  const url = URL.canParse(server) ? new URL(server) : undefined
  if (url && /^https?:$/.test(url.protocol)) return url
  throw new Error(`the server of cluster ${cluster.name} is no http or https URL`)
}
