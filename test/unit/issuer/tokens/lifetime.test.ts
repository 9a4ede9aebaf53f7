import { expect, it } from 'vitest'
import { lifetimeOf } from '../../../../issuer/tokens/grant-server.ts'

const lifetime = (oauth?: object) => lifetimeOf({ service: { spec: { ...(oauth && { oauth }) } } } as never)

it('is what the service says, up to an hour, and else five minutes', () => {
  const said = ['1m', '30m', '1h', '1h1s', '0s', 'long'].map(accessTokenLifetime => lifetime({ accessTokenLifetime }))
  expect(said).toEqual([60, 1_800, 3_600, 300, 300, 300])
  expect([lifetime(), lifetime({})]).toEqual([300, 300])
})
