import type { AccessGrant } from '../../core/api/access-grant.ts'
import type { KubeObject } from '../../platform/kube/client.ts'
import { accessGrants } from '../../platform/kube/resources.ts'
import { type Cluster, withCluster } from '../frame/cluster.ts'
import type { CommandIo, Given } from '../frame/command.ts'
import type { Outcome } from '../frame/exit-codes.ts'
import { columns, formatted, printable } from '../frame/output.ts'
import type { replaced as entry } from './entry.ts'

/** A client that a grant does not give to any more. */
export interface Lost {
  readonly namespace: string
  readonly grant: string
  readonly role: string
  /** `namespace/name` of the ApiClient. */
  readonly client: string
  /** The client id that the grant gave to. */
  readonly clientId?: string
  /** What writes the grant again. */
  readonly renew: string
}

const pageSize = 500

export async function listReplaced({ options: given }: Given<typeof entry.options>, io: CommandIo): Promise<Outcome> {
  const { client, output } = given
  const lost = await withCluster(given, io, cluster => readLost(cluster, client))
  io.write(await formatted(output, lost, () => render(lost)))
  return lost.length > 0 ? 'bad' : 'ok'
}

async function readLost({ namespace, ask }: Cluster, client: string | undefined): Promise<Lost[]> {
  const found: Lost[][] = []
  let next: string | undefined
  do {
    const page = await ask(kube =>
      kube.scan<KubeObject, Lost[]>(accessGrants, grant => lostBy(grant as unknown as AccessGrant, client), {
        limit: pageSize,
        signal: AbortSignal.timeout(60_000),
        ...(namespace !== undefined && { namespace }),
        ...(next !== undefined && { continue: next }),
      }),
    )
    found.push(...page.kept)
    next = page.continue
  } while (next !== undefined)
  return found.flat()
}

/** @param client `namespace/name`: no other */
export function lostBy({ metadata, spec, status }: AccessGrant, client?: string): Lost[] {
  const { namespace = '', name } = metadata
  const renew = `kubectl get accessgrants.latchkey.dev ${name} -n ${namespace} -o json | kubectl replace --force -f -`
  return (status?.clients ?? []).flatMap(pin => {
    const key = `${pin.namespace}/${pin.name}`
    if (pin.state !== 'Replaced' || (client !== undefined && key !== client)) return []
    const was = pin.clientId === undefined ? {} : { clientId: pin.clientId }
    return [{ namespace, grant: name, role: spec.roleRef.name, client: key, ...was, renew }]
  })
}

function render(lost: readonly Lost[]): string {
  if (lost.length === 0) return 'No grant lost a client.\n'
  const rows = lost.map(({ namespace, grant, role, client, clientId = '' }) => [
    namespace,
    grant,
    role,
    client,
    clientId,
  ])
  const table = columns([
    ['NAMESPACE', 'GRANT', 'ROLE', 'CLIENT', 'GAVE TO'],
    ...rows.map(row => row.map(cell => printable(cell))),
  ])
  const commands = [...new Set(lost.map(({ renew }) => `  ${printable(renew)}\n`))].join('')
  return `${table}\nWhere the client of now is meant, write the grant again. It gives nothing to anybody for that moment:\n${commands}\nA grant that is kept in Git is deleted instead: it is applied again from there. To apply the same YAML changes nothing.\n`
}
