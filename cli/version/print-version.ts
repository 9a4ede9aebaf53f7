import { version } from '../../platform/version.ts'
import { type ClusterChoice, withCluster } from '../frame/cluster.ts'
import type { CommandIo, Given } from '../frame/command.ts'
import type { Outcome } from '../frame/exit-codes.ts'
import { formatted, printable } from '../frame/output.ts'
import type { version as entry } from './entry.ts'

/** No cluster is asked unless somebody says so: that the command runs is often all that is in question. */
export async function printVersion({ options: given }: Given<typeof entry.options>, io: CommandIo): Promise<Outcome> {
  const { cluster, kubeconfig, context, output } = given
  const versions = {
    latchkey: version,
    ...(cluster && { kubernetes: await serverVersion({ kubeconfig, context }, io) }),
  }
  const text = (): string =>
    Object.entries(versions)
      .map(([name, of]) => `${name} ${printable(of)}\n`)
      .join('')
  io.write(await formatted(output, versions, text))
  return 'ok'
}

function serverVersion(choice: ClusterChoice, io: CommandIo): Promise<string> {
  return withCluster(choice, io, ({ ask }) =>
    ask(async client => {
      const found = await client.raw<{ gitVersion?: unknown }>('GET', '/version')
      if (typeof found.gitVersion !== 'string') throw new Error('its answer names no version')
      return found.gitVersion
    }),
  )
}
