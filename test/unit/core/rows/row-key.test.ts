import { expect, test } from 'vitest'
import { rowKey } from '../../../../core/rows/rows.ts'
import { clientId, clientRow, clusterRow, es256Key, grantRow, roleRow, serviceRow } from '../fixture.ts'

test.each([
  ['the service, which is the only one', serviceRow(), 'service'],
  ['the service of which nothing is told', { type: 'service', needs: '0.3.0' } as const, 'service'],
  ['the cluster, which is the only one', clusterRow(es256Key), 'cluster'],
  ['a role, by its name', roleRow('same'), 'role/same'],
  ['a grant, by its name', grantRow('same', 'role'), 'grant/same'],
  ['a client, by its id and not by its name', clientRow({ name: 'same' }), `client/${clientId}`],
])('the key of a row within its slice is that of %s', (_, row, key) => {
  expect(rowKey(row)).toBe(key)
})
