import { BlockList, isIP } from 'node:net'

/**
 * The proxy that the environment names for a server, by Go's rules, which kubectl has: HTTPS_PROXY or HTTP_PROXY, in upper
 * or lower case, unless NO_PROXY names the server. Nothing on this machine is asked through a proxy.
 * @see https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config
 */
export function proxyOf(server: URL, env: Readonly<Record<string, string | undefined>>): string | undefined {
  const either = (name: string): string => env[name] || env[name.toLowerCase()] || ''
  const proxy = either(server.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY')
  if (proxy === '') return undefined
  const host = server.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  const port = server.port || (server.protocol === 'https:' ? '443' : '80')
  if (host === 'localhost' || isIn(host, '127.0.0.0/8') || isIn(host, '::1/128')) return undefined
  const spared = either('NO_PROXY')
    .split(',')
    .some(entry => spares(entry.trim().toLowerCase(), host, port))
  return spared ? undefined : /^[a-z0-9+.-]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`
}

function spares(entry: string, host: string, port: string): boolean {
  if (entry === '' || entry === '*') return entry === '*'
  if (entry.includes('/')) return isIn(host, entry)
  const [, name = '', itsPort] = /^(.*?)(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? []
  if (itsPort !== undefined && itsPort !== port) return false
  const bare = name.replace(/^\[|\]$/g, '').replace(/^\*(?=\.)/, '')
  return host === bare || (isIP(host) === 0 && host.endsWith(bare.startsWith('.') ? bare : `.${bare}`))
}

function isIn(host: string, network: string): boolean {
  const [address = '', length] = network.split('/')
  const family = isIP(address)
  const bits = Number(length)
  if (family === 0 || isIP(host) !== family || !(bits >= 0 && bits <= (family === 4 ? 32 : 128))) return false
  const list = new BlockList()
  list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6')
  return list.check(host, family === 4 ? 'ipv4' : 'ipv6')
}
