import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { connectBySocks } from './connect-by-socks.ts'

type Created = (error: Error | null, socket?: Socket) => void
interface Target {
  readonly host: string
  readonly port: number
}

/**
 * Lets an agent make its connections through a proxy: HTTP, HTTPS or SOCKS 5. Node's own way is newer than the Node that
 * people may have, and an agent that does not know it goes past the proxy.
 * @param proxy URL, with name and password where the proxy asks for them
 */
export function goThrough(proxy: string, agent: http.Agent): void {
  const straight = agent.createConnection.bind(agent) as (options: object) => Socket
  const isSecure = agent instanceof https.Agent
  const open = (options: Target & { path?: unknown }, created: Created): undefined => {
    const { path: _, ...target } = options
    reach(proxy, { host: options.host, port: Number(options.port) }).then(
      socket => created(null, isSecure ? straight({ ...target, socket }) : socket),
      (error: Error) => created(error),
    )
  }
  agent.createConnection = open as unknown as typeof agent.createConnection
}

async function reach(given: string, target: Target): Promise<Socket> {
  const proxy = URL.canParse(given) ? new URL(given) : undefined
  if (proxy && /^socks5h?:$/.test(proxy.protocol)) return connectBySocks(proxy, target)
  // A proxy's URL may hold a password: it is not shown.
  if (!proxy || !/^https?:$/.test(proxy.protocol)) throw new Error('its proxy is no URL of http, https or socks5')
  return connectByHttp(proxy, target)
}

/** @see RFC 9110 section 9.3.6 */
function connectByHttp(proxy: URL, { host, port }: Target): Promise<Socket> {
  const path = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const authorization = proxy.username !== '' && {
    'proxy-authorization': `Basic ${Buffer.from(`${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`).toString('base64')}`,
  }
  return new Promise((done, fail) => {
    const request = (proxy.protocol === 'https:' ? https : http).request({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port,
      method: 'CONNECT',
      path,
      headers: { host: path, ...authorization },
      agent: false,
    })
    request.on('connect', ({ statusCode }, socket) => {
      if (statusCode === 200) return done(socket as Socket)
      socket.destroy()
      fail(new Error(`its proxy ${proxy.host} answers ${statusCode}`))
    })
    request.on('response', ({ statusCode }) => {
      request.destroy()
      fail(new Error(`its proxy ${proxy.host} answers ${statusCode}`))
    })
    request.on('error', error => fail(new Error(`its proxy ${proxy.host}: ${error.message}`)))
    request.end()
  })
}
