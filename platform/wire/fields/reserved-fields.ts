import { credentialHeaders } from '../../../core/credential/read.ts'
import { boundedMemo } from './bounded-memo.ts'

/** Headers that belong to one hop: RFC 9110 section 7.6.1 and what older software treats so. */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/**
 * Headers by which proxies tell apps who called and what was asked. No proxy is trusted yet, so none passes: the app
 * sees this guard at 127.0.0.1, and frameworks that trust a proxy on loopback would believe what anybody sent.
 * X-Forwarded-For is set anew to the peer of the connection; the other ones stay away. So do the headers that ask an
 * app for another method or path than the one that was decided on: gunicorn takes SCRIPT_NAME off the path for whoever comes
 * by loopback or a Unix socket. And `Proxy`, which CGI makes into the name of the proxy to go through (CVE-2016-5385).
 */
const proxyOnly = new Set([
  'forwarded',
  'path-info',
  'proxy',
  'remote-user',
  'script-name',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-method',
  'x-original-uri',
  'x-original-url',
  'x-real-ip',
  'x-remote-user',
  'x-request-id',
  'x-rewrite-url',
  'x-scheme',
  'x-script-name',
  'x-url-scheme',
  'true-client-ip',
])
const proxyPrefixes = [
  'latchkey-',
  'x-forwarded-',
  'x-envoy-',
  'x-middleware-',
  'x-original-',
  'x-rewrite-',
  'x-accel-',
  'x-sendfile-',
]

/** Names that an app which folds `_` and `.` would mistake for those that frame or vouch for the request. */
const unfoldable = new Set([...hopByHop, ...credentialHeaders, 'content-length', 'content-type', 'cookie', 'host'])

/** One name for all spellings that some app reads as the same: CGI, WSGI and Rack make `-` of what is no letter. */
export function foldName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-')
}

/** Whether a client may not say this to the app. @param name in lower case */
export const isReserved: (name: string) => boolean = boundedMemo(2_048, name => {
  const folded = foldName(name)
  return (
    proxyOnly.has(folded) ||
    proxyPrefixes.some(prefix => folded.startsWith(prefix)) ||
    (folded !== name && unfoldable.has(folded))
  )
})
