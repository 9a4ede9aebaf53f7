import { expect, it } from 'vitest'
import { installationSettings } from '../../../cluster/settings.ts'
import { configTable } from '../../../operator/config.ts'
import { readConfig } from '../../../platform/config.ts'

const read = (clientIds: string) =>
  readConfig(installationSettings, { LATCHKEY_ISSUER_URL: 'https://issuer.test/', LATCHKEY_CLIENT_IDS: clientIds })

it('reads the client ids that the chart gives, each to one ApiClient', () => {
  expect(read('{"acme.orders":"partners/acme","desk":"desk/app"}').clientIds).toEqual(
    new Map([
      ['acme.orders', 'partners/acme'],
      ['desk', 'desk/app'],
    ]),
  )
  expect(read('{}').clientIds).toEqual(new Map())
})

it.each([
  ['a list', '["partners/acme"]'],
  ['nothing', 'null'],
  ['a text', '"partners/acme"'],
  ['no JSON', 'acme=partners/acme'],
  ['a name without its namespace', '{"acme":"acme"}'],
  ['a name with too many parts', '{"acme":"a/b/c"}'],
  ['an empty part', '{"acme":"/acme"}'],
  ['a number', '{"acme":1}'],
  ['one that is wrong among others', '{"a":"a/b","b":""}'],
])('refuses a map of client ids that is %s, without repeating it', (_, given) => {
  expect(() => read(given)).toThrow(
    'configuration:\n  LATCHKEY_CLIENT_IDS: expected a JSON object of client ids, each with "namespace/name"',
  )
})

it('is what the operator reads too', () => {
  expect(configTable).toMatchObject(installationSettings)
})
