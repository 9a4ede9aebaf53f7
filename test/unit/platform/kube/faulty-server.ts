import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { KubeConnection } from '../../../../platform/kube/access.ts'

/** An HTTP server for what a real API server cannot be made to do. Answers with what the test says. */
export async function startFaultyServer(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
) {
  const server = http.createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    answer(request, response, body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const headers = { authorization: 'Bearer very-secret-token' }
  const connection: KubeConnection = {
    access: async () => ({ server: `http://127.0.0.1:${port}`, headers, tls: {} }),
  }
  return {
    connection,
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
