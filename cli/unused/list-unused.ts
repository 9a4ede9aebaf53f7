import { accessGrants, accessKeys, roles } from '../../platform/kube/resources.ts'
import { withCluster } from '../frame/cluster.ts'
import type { CommandIo, Given } from '../frame/command.ts'
import type { Outcome } from '../frame/exit-codes.ts'
import { listAll } from '../frame/list-all.ts'
import { columns, formatted, printable } from '../frame/output.ts'
import type { unused as entry } from './entry.ts'
import { byUse, findUnused, type Unused } from './find-unused.ts'

/** @returns `bad` when something was not used @throws CommandError */
export async function listUnused({ options }: Given<typeof entry.options>, io: CommandIo): Promise<Outcome> {
  const { days, output, ...choice } = options
  const found = await withCluster(choice, io, async cluster => {
    const unused: Unused[] = []
    for (const resource of [accessKeys, accessGrants, roles]) {
      for await (const object of listAll(cluster, resource)) {
        const one = findUnused(object, days, Math.floor(io.nowMs / 1_000))
        if (one) unused.push(one)
      }
    }
    return unused.sort(byUse)
  })
  io.write(await formatted(output, { days, unused: found }, () => render(found, days)))
  return found.length === 0 ? 'ok' : 'bad'
}

function render(found: readonly Unused[], days: number): string {
  if (found.length === 0) return `Every key, grant and role was used in the last ${days} days, or is younger.\n`
  const rows = found.map(({ kind, namespace, name, lastUsedAt = 'never', createdAt, unusedDays }) =>
    [kind, namespace, name, lastUsedAt, `${unusedDays}d`, createdAt].map(printable),
  )
  const table = columns([['KIND', 'NAMESPACE', 'NAME', 'LAST-USED', 'UNUSED', 'CREATED'], ...rows])
  const never = found.some(({ lastUsedAt }) => lastUsedAt === undefined)
  return never
    ? `${table}\nnever: no guard of release 0.2.0 or later saw a use; what came before is not known.\n`
    : table
}
