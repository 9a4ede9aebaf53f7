import { expect, it } from 'vitest'
import { readIssuerConfig } from '../../../issuer/config.ts'

const needed = { LATCHKEY_NAMESPACE: 'latchkey-system', LATCHKEY_ISSUER_URL: 'https://issuer.test/default/' }

it('has defaults that fit the chart', () => {
  expect(readIssuerConfig(needed)).toMatchObject({
    issuerUrl: 'https://issuer.test/default',
    operatorUser: 'system:serviceaccount:latchkey-system:latchkey-operator',
    fullname: 'latchkey',
    installation: 'default',
    port: 8443,
    snapshotPort: 8444,
    healthPort: 8081,
  })
})

it('reads the map of client ids, and tells every mistake at once', () => {
  const read = readIssuerConfig({ ...needed, LATCHKEY_CLIENT_IDS: '{"acme.orders":"partners/acme"}' })
  expect(read.clientIds.get('acme.orders')).toBe('partners/acme')
  const wrong = { LATCHKEY_CLIENT_IDS: '{"a":"b"}', LATCHKEY_PORT: 'x', LATCHKEY_TYPO: '1' }
  expect(() => readIssuerConfig(wrong)).toThrow(
    /LATCHKEY_TYPO[\s\S]*LATCHKEY_NAMESPACE[\s\S]*LATCHKEY_ISSUER_URL[\s\S]*LATCHKEY_CLIENT_IDS[\s\S]*LATCHKEY_PORT/,
  )
})
