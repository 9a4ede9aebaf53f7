import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'

// An app in a process of its own: every answer begins and never ends, and every WebSocket stays open. Says something on each
// of them every so many milliseconds.

const everyMs = Number(process.argv[2])
const answers = new Set<ServerResponse>()
const server = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
  answers.add(response)
  response.on('close', () => answers.delete(response))
})
server.maxConnections = 20_000
const sockets = new WebSocketServer({ server })
sockets.on('connection', socket => {
  socket.on('error', () => {})
  socket.send('1')
})
if (everyMs > 0) {
  setInterval(() => {
    for (const response of answers) response.write('data: 2\n\n')
    for (const socket of sockets.clients) socket.send('2')
  }, everyMs)
}
server.listen(0, '127.0.0.1', 4_096, () => process.send?.((server.address() as AddressInfo).port))
