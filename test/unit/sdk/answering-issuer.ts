import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { createAuthority, createServerCertificate } from '../../../platform/x509.ts'

export interface Asked {
  readonly path: string
  readonly authorization: string | undefined
  readonly body: string
}
export interface Answer {
  readonly status: number
  readonly body: unknown
}

/** An HTTPS server with a discovery document, whose endpoints answer as a test says. */
export async function startAnsweringIssuer() {
  const validity = { now: new Date(), lifetimeMs: 3_600_000 }
  const authority = await createAuthority({ commonName: 'answering issuer', ...validity })
  const own = await createServerCertificate({ authority, hosts: ['127.0.0.1'], ...validity })
  const asked: Asked[] = []
  let answer: (asked: Asked) => Answer | Promise<Answer> = () => ({ status: 500, body: {} })
  let document: (issuer: string) => object = discovery
  const server = createServer({ cert: own.certificate, key: own.privateKey }, async (request, response) => {
    const path = request.url ?? ''
    const [issuer = ''] = `https://${request.headers.host}${path}`.split('/.well-known/')
    if (path.endsWith('/.well-known/openid-configuration')) return response.end(JSON.stringify(document(issuer)))
    const one = { path, authorization: request.headers.authorization, body: await text(request) }
    asked.push(one)
    const { status, body } = await answer(one)
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/default`
  return {
    ...{ url, asked, ca: authority.certificate },
    answerWith(next: typeof answer, described = discovery) {
      answer = next
      document = described
      asked.length = 0
    },
    async close() {
      server.closeAllConnections()
      await once(server.close(), 'close')
    },
  }
}
export type AnsweringIssuer = Awaited<ReturnType<typeof startAnsweringIssuer>>

function discovery(issuer: string): object {
  return { issuer, token_endpoint: `${issuer}/oauth/token`, latchkey_check_endpoint: `${issuer}/v1/check` }
}
