import { createServer } from 'node:http'
import { createOrders } from './orders.ts'

// Loopback by default: the guard in the same pod is the only one who may come in.
const host = process.env.HOST ?? '127.0.0.1'
const port = Number(process.env.PORT ?? 8080)
const answer = createOrders([
  { id: '1', item: 'lamp' },
  { id: '2', item: 'chair' },
])

const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy())
})
server.listen(port, host, () => console.log(`orders listens on ${host}:${port}`))
process.once('SIGTERM', () => {
  server.close()
  server.closeIdleConnections()
})
