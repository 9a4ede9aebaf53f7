import { expect, it } from 'vitest'
import { configTable } from '../../../operator/config.ts'

const { parse } = configTable.issuerAlgorithms

it.each([
  ['RS256', ['RS256']],
  ['ES256, Ed25519', ['ES256', 'Ed25519']],
  ['Ed25519,ES256,RS256', ['Ed25519', 'ES256', 'RS256']],
])('the algorithms of the issuer may be %s, in that order', (text, value) => {
  expect(parse(text)).toEqual({ value })
})

it.each(['PS256', 'EdDSA', 'Ed25519,ES256,Ed25519', 'Ed25519,', ',', 'rs256'])('%s is no list of them', text => {
  expect(parse(text)).toEqual({ expected: 'some of Ed25519, ES256, RS256, each once' })
})
