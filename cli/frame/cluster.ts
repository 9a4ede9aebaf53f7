import type { KubeClient } from '../../platform/kube/client.ts'
import { version } from '../../platform/version.ts'
import type { CommandIo, Options } from './command.ts'
import { CommandError } from './exit-codes.ts'

/** The flags of kubectl that say which cluster and which namespaces. A command takes those that mean something to it. */
export const clusterOptions = {
  kubeconfig: { value: '<file>', what: 'kubeconfig (default: $KUBECONFIG, else ~/.kube/config)' },
  context: { value: '<name>', what: 'context of the kubeconfig (default: its current one)' },
  namespace: {
    short: 'n',
    value: '<name>',
    what: "namespace to look at (default: the context's, else default)",
    read: readNamespace,
  },
  allNamespaces: { short: 'A', what: 'all namespaces' },
} as const satisfies Options

export interface ClusterChoice {
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  readonly namespace?: string | undefined
  readonly allNamespaces?: boolean
}

export interface Cluster {
  /** Where to look; undefined: everywhere. */
  readonly namespace: string | undefined
  /** @throws CommandError `unreachable` or `refused` */
  ask<T>(call: (client: KubeClient) => Promise<T>): Promise<T>
}

/**
 * Does something with the cluster that the command line names, and closes the connection behind it.
 * @throws CommandError `usage` when the kubeconfig gives no server or no credential
 */
export async function withCluster<T>(
  choice: ClusterChoice,
  { env, input }: Pick<CommandIo, 'env' | 'input'>,
  act: (cluster: Cluster) => Promise<T>,
): Promise<T> {
  const { kubeconfig, context, namespace, allNamespaces = false } = choice
  if (allNamespaces && namespace !== undefined) throw new CommandError('usage', 'name -n or -A, not both')
  // Loaded only here: a command that asks no cluster pays nothing for the client.
  const [{ createKubeClient }, { podConnection }, { connectByKubeconfig }] = await Promise.all([
    import('../../platform/kube/client.ts'),
    import('../../platform/kube/connection.ts'),
    import('../../platform/kube/kubeconfig/connect.ts'),
  ])
  const connection = await orUsage('the kubeconfig', async () =>
    connectByKubeconfig({ kubeconfig, context, env, isTerminal: input.isTTY }, podConnection(env)),
  )
  const access = await orUsage(context === undefined ? 'the kubeconfig' : `context ${context}`, () =>
    connection.access(),
  )
  const client = createKubeClient(connection, { userAgent: `latchkey-cli/${version}`, requestTimeoutMs: 15_000 })
  try {
    return await act({
      namespace: allNamespaces ? undefined : (namespace ?? access.namespace ?? 'default'),
      async ask(call) {
        try {
          return await call(client)
        } catch (error) {
          throw asCommandError(error, hostOf(access.server))
        }
      },
    })
  } finally {
    await client.close()
  }
}

async function orUsage<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    // A parser shows, from the second line on, what it could not read: a credential may be in it.
    throw new CommandError('usage', `${what} cannot be used: ${(error as Error).message.split('\n', 1)[0]}`)
  }
}

/** What people are told of a server: its URL may hold a password. */
function hostOf(server: string): string {
  return URL.canParse(server) ? new URL(server).host : 'the API server'
}

/** A mistake of the program stays one. */
function asCommandError(error: unknown, server: string): unknown {
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return error
  const { status, code } = error as { status?: number; code?: string }
  if (status === undefined)
    return new CommandError('unreachable', `${server} cannot be reached: ${error.message || code || 'unknown'}`)
  if (status >= 500 || status === 429)
    return new CommandError('unreachable', `${server} does not serve: ${error.message}`)
  return new CommandError('refused', `${server} refuses: ${error.message}`)
}

function readNamespace(given: string): string {
  if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(given))
    throw new CommandError('usage', 'Expected the name of a namespace.')
  return given
}
