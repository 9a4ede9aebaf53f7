import type { Row, SecretRow } from '../../../../core/rows/rows.ts'
import type { Holder } from '../../../../issuer/authenticate/token-review.ts'
import { type CheckHandlerParts, createCheckHandler } from '../../../../issuer/check/check-handler.ts'
import { createSlice, type Slice } from '../../../../issuer/slices/slice.ts'
import { createChunkCache } from '../../../../issuer/snapshots/frame-text.ts'
import { systemClock } from '../../../../platform/clock.ts'
import { createServer } from '../../../../platform/http/server.ts'
import { nowSeconds, rowsOf } from '../../../guard/policy-rows.ts'
import { knownSecrets } from '../../core/secret/secrets.ts'
import { createQuietLog } from '../../platform/quiet-log.ts'

const [staticOne, keyOne] = knownSecrets
const secretRow = (kind: SecretRow['kind'], { keyId, hash }: { keyId: string; hash: string }): SecretRow => ({
  ...{ kid: keyId, accessKey: 'old-caller', kind, hash, notBefore: nowSeconds() - 60 },
})

/** Alice has a static secret and an API key, too. */
export const secretRows = (service: object = {}): Row[] =>
  rowsOf({
    service: {
      accepts: ['ClientToken', 'StaticSecret', 'ApiKey'],
      apiKey: { header: 'x-api-key', query: 'api-key' },
      ...service,
    },
    alice: { secrets: [secretRow('StaticSecret', staticOne), secretRow('ApiKey', keyOne)] },
  })

export function sliceOfRows(rows: Row[], key = 'shop/orders'): Slice {
  const slice = createSlice(
    key,
    () => ({}),
    () => 0,
    createChunkCache(1_000_000),
  )
  slice.replace(rows)
  return slice
}

export const holder: Holder = { user: { username: 'system:serviceaccount:shop:orders' }, expiresAt: 2 ** 40 }
export const guardToken = 'a.b.c'

/** The endpoint, for a service account that may ask about `shop/orders`. */
export async function startCheck(slices: readonly Slice[], change: Partial<CheckHandlerParts> = {}) {
  const log = createQuietLog()
  const byKey = new Map(slices.map(slice => [slice.key, slice]))
  const asked: string[] = []
  const handler = createCheckHandler({
    callers: {
      review: async (_, token) => (token === guardToken ? holder : undefined),
      async mayEnforce({ username }, { namespace, name }) {
        asked.push(`${username} ${namespace}/${name}`)
        return namespace === 'shop'
      },
    },
    slices: { get: key => byKey.get(key), flush: () => {} },
    services: () => new Map([['shop/held-back', {} as never]]),
    ready: () => true,
    clock: systemClock,
    log: log.log,
    ...change,
  })
  const limits = { bodyBytes: 131_072 }
  const server = createServer({ name: 'check', host: '127.0.0.1', port: 0, handler, log: log.log, limits })
  const { port } = await server.listen()
  const url = `http://127.0.0.1:${port}/default/v1/check`

  async function send(body: unknown, init: RequestInit = {}) {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${guardToken}` }
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await fetch(url, { method: 'POST', headers, body: text, ...init })
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> }
  }

  return {
    ...{ send, log, asked, url },
    async check(...checks: object[]) {
      const { body } = await send({ service: 'shop/orders', checks })
      return body.results as Record<string, unknown>[]
    },
    close: () => server.close(0),
  }
}
