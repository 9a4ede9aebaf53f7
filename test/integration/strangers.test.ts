import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readClientKey } from '../../sdk/private-key.ts'
import { tokenProvider } from '../../sdk/token-provider.ts'
import { type LocalIssuer, startLocalIssuer } from '../strangers/local-issuer.ts'
import { strangers } from '../strangers/strangers.ts'
import { tamperedTokens } from '../strangers/tampered.ts'

const audience = 'https://orders.shop.svc'
let issuer: LocalIssuer

beforeAll(async () => {
  issuer = await startLocalIssuer()
})
afterAll(() => issuer.close())

describe.each(strangers)('$name', stranger => {
  beforeAll(() => stranger.prepare(), 600_000)

  test.each([
    { algorithm: 'Ed25519', clientId: 'sc_ed25519' },
    { algorithm: 'ES256', clientId: 'sc_es256' },
    { algorithm: 'RS256', clientId: 'sc_rs256' },
  ] as const)(
    'accepts a client token with $algorithm and refuses every tampered one',
    async ({ algorithm, clientId }) => {
      const jwk = issuer.addClient(clientId, algorithm)
      const key = readClientKey(jwk)
      const tampered = tamperedTokens(key, audience)
      const good = await tokenProvider({ key: jwk }).token(audience)
      const [verdict, ...refused] = await stranger.ask({
        issuer: key.issuer,
        audience,
        caFile: issuer.caFile,
        tokens: [good, ...Object.values(tampered)],
      })
      expect(verdict?.accepted, verdict?.why).toBe(true)
      const accepted = Object.keys(tampered).filter((_, index) => refused[index]?.accepted !== false)
      expect(accepted).toEqual([])
    },
  )

  test('takes the name EdDSA for an Ed25519 signature, and RFC 9864’s name as the table in docs/strangers.md says', async () => {
    const jwk = issuer.addClient('sc_names', 'Ed25519')
    const tokens = await Promise.all(
      (['EdDSA', 'Ed25519'] as const).map(algorithmName => tokenProvider({ key: jwk, algorithmName }).token(audience)),
    )
    const verdicts = await stranger.ask({ issuer: jwk.issuer ?? '', audience, caFile: issuer.caFile, tokens })
    expect(verdicts.map(({ accepted }) => accepted)).toEqual([true, stranger.takesEd25519Name])
  })
})
