import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

/** One order of the shop. */
export interface Order {
  readonly id: string
  readonly item: string
}

const maxOrders = 1_000
const maxBodyBytes = 4_096

/**
 * The orders API, in memory. It knows nothing of tokens: the guard in front of it has decided, and `Latchkey-Client`
 * says who calls.
 */
export function createOrders(first: readonly Order[]) {
  const orders = new Map(first.map(order => [order.id, order]))
  let lastId = orders.size

  return async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '/'] = (request.url ?? '/').split('?')
    const id = /^\/orders\/([^/]+)$/.exec(path)?.[1]
    const order = id === undefined ? undefined : orders.get(id)
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const send = (status: number, content: object) => {
      const calledBy = request.headers['latchkey-client'] ?? 'nobody'
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ calledBy, ...content }))
    }

    if (path === '/healthz' && method === 'GET') return send(200, { healthy: true })
    if (path === '/orders' && method === 'GET') return send(200, { orders: [...orders.values()] })
    if (path === '/orders' && method === 'POST') {
      const item = await readItem(request)
      if (item === undefined) return send(400, { error: 'send {"item": "…"}' })
      if (orders.size >= maxOrders) return send(507, { error: 'the shop is full' })
      const made = { id: String(++lastId), item }
      orders.set(made.id, made)
      return send(201, made)
    }
    if (id === undefined && path !== '/orders') return send(404, { error: 'no such path' })
    if (id !== undefined && !order) return send(404, { error: 'no such order' })
    if (order && method === 'GET') return send(200, order)
    if (order && method === 'DELETE') {
      orders.delete(order.id)
      return send(200, { deleted: order.id })
    }
    return send(405, { error: 'method not allowed' })
  }
}

async function readItem(request: IncomingMessage): Promise<string | undefined> {
  if (Number(request.headers['content-length'] ?? Number.NaN) > maxBodyBytes) return undefined
  try {
    const { item } = JSON.parse((await text(request)).slice(0, maxBodyBytes))
    return typeof item === 'string' && item !== '' ? item : undefined
  } catch {
    return undefined
  }
}
