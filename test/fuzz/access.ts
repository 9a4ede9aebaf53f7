import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { accessYaml } from '../guard/access-manifests.ts'
import { createCaller, issuer } from '../guard/policy-rows.ts'

export { issuer }
export const service = 'shop/orders'
export const clientId = 'callers.alice'
/** Where API keys stand: nobody has one, but on open paths a call goes on without it. */
export const queryKey = 'api-key'

/** The policy behind all inputs: some paths open, some granted to one client, all others denied. */
export interface Access {
  writeTo(folder: string): Promise<void>
  /** A token for the client. All of them are of one length. */
  token(): string
}

const yaml = (publicKey: object): string =>
  accessYaml({
    publicKey,
    open: '{ path: /open/**, methods: [GET, HEAD, POST] }',
    methods: 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
    service: `  accepts: [ClientToken, ServiceAccountToken, ApiKey]\n  apiKey: { header: X-Api-Key, query: ${queryKey} }\n`,
    extra: '  attributes: { tenant: acme }\n',
  })

export function createAccess(): Access {
  const alice = createCaller('alice', clientId)
  const sign = (): string => {
    const now = Math.floor(Date.now() / 1_000)
    return alice.token({ iss: `${issuer}/v1/clients/${clientId}`, sub: clientId, client_id: clientId, exp: now + 840 })
  }
  let token = sign()
  let signedAt = performance.now()
  return {
    writeTo: folder => writeFile(join(folder, 'access.yaml'), yaml(alice.key.publicKey)),
    token() {
      if (performance.now() - signedAt > 300_000) {
        token = sign()
        signedAt = performance.now()
      }
      return token
    },
  }
}
