import type { Equivalent } from '../report.ts'

const clients = 'core/snapshot/client-index.ts'
const grants = 'core/snapshot/grant-index.ts'
const snapshots = 'core/snapshot/snapshot.ts'

export const snapshot: readonly Equivalent[] = [
  {
    file: clients,
    from: '[]',
    to: ['["Stryker was here"]'],
    on: 'const left =',
    why: 'a client that is held stands under each of its names: there is always a list',
  },
  {
    file: clients,
    from: '(after ?? before)?.clientId',
    to: ['(after ?? before).clientId'],
    why: 'a change has a row before or after it',
  },
  { file: clients, from: 'clientId === undefined', to: ['false'], why: 'as above' },
  { file: grants, from: 'a.role < b.role', to: ['a.role <= b.role'], why: 'by then they differ' },
  { file: grants, from: 'a.name < b.name', to: ['a.name <= b.name'], why: 'no two grants have the same name' },
  {
    file: snapshots,
    from: '[]',
    to: ['["Stryker was here"]'],
    on: 'frame.delta.remove',
    why: 'to remove what is not there changes nothing',
  },
  { file: snapshots, from: 'a.key < b.key', to: ['a.key <= b.key'], why: 'no two rows have the same key' },
  {
    file: snapshots,
    from: 'row?.type === type',
    to: ['true'],
    why: 'the key of a row tells its type: it is the same before and after',
  },
  {
    file: snapshots,
    from: 'before?.row?.type !== type && after?.row?.type !== type',
    to: ['false'],
    why: 'then rows of other types come as changes of nothing to nothing',
  },
]
