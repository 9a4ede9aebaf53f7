import { createServer, type IncomingMessage } from 'node:http'
import { type Seen, seenHeader } from './seen.ts'

/**
 * A server on llhttp that answers with what it saw: one of the origins, and what nginx, haproxy and Envoy pass on to.
 * Its own process, so that a server that hangs or dies takes nobody along. Usage: node echo.ts SOCKET
 */
const server = createServer({ maxHeaderSize: 65_536, keepAliveTimeout: 60_000 }, (request, response) => {
  const chunks: Buffer[] = []
  request.on('error', () => {})
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const seen = Buffer.from(JSON.stringify(seenOf(request, Buffer.concat(chunks)))).toString('base64')
    // An answer to HEAD has no body to say it in, and Envoy takes it from one that refuses an upgrade.
    if (request.method === 'HEAD' || request.headers.upgrade) response.setHeader(seenHeader, seen)
    response.setHeader('Content-Length', seen.length)
    response.end(seen)
  })
})
server.maxHeadersCount = 0
server.listen(process.argv[2])

function seenOf(request: IncomingMessage, body: Buffer): Seen {
  const { method = '', url = '', rawHeaders, rawTrailers } = request
  const fields: [string, string][] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) fields.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? ''])
  return { method, target: url, fields, body: body.toString('latin1'), trailers: rawTrailers.length / 2 }
}
