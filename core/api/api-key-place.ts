import { z } from 'zod'
import { described } from './schema.ts'
import { type CelRule, worded } from './worded.ts'

/**
 * Headers that mean something else to whoever reads the request: framing, the hop, whom it is for, other credentials, what
 * proxies and we tell apps, what browsers and libraries write.
 */
const otherHeaders =
  '^(accept|accept-.*|access-control-.*|authorization|connection|content-.*|cookie|date|expect|forwarded|from|host|http2-settings|if-.*|keep-alive|latchkey-.*|max-forwards|origin|path-info|proxy|proxy-.*|range|referer|remote-user|script-name|sec-.*|te|trailer|transfer-encoding|true-client-ip|upgrade|user-agent|via|x-accel-.*|x-client-ip|x-cluster-client-ip|x-envoy-.*|x-forwarded-.*|x-http-method|x-http-method-override|x-method-override|x-middleware-.*|x-original-.*|x-real-ip|x-remote-user|x-request-id|x-rewrite-.*|x-scheme|x-script-name|x-sendfile-.*|x-url-scheme)$'
const other = new RegExp(otherHeaders)

/** The rules about it, and each again for files that no API server has seen. */
export const notEmptyPlace = 'has(self.header) || has(self.query)'
export const ownHeader = `!has(self.header) || !self.header.lowerAscii().matches('${otherHeaders}')`
export const isOwnHeader = (header: string): boolean => !other.test(header.toLowerCase())
export const ownParameter = "!has(self.query) || self.query.lowerAscii() != 'access_token'"
export const keyPlaceIsUsed = "!has(self.apiKey) || self.accepts.exists(a, a == 'ApiKey')"

const rules: readonly CelRule[] = [
  { rule: notEmptyPlace, message: 'apiKey names a header, a query parameter, or both' },
  {
    rule: ownHeader,
    message: 'this header means something else to proxies and apps: choose another one, for example X-Api-Key',
    fieldPath: '.header',
  },
  {
    rule: ownParameter,
    message: 'access_token is the parameter of bearer tokens, which are not taken from a query: choose another one',
    fieldPath: '.query',
  },
]

export const apiKeyPlace = z
  .strictObject({
    header: described(
      worded(
        z
          .string()
          .min(1)
          .max(64)
          .regex(/^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$/),
        'the name of a header has letters, digits and single dashes, as in X-Api-Key',
      ),
      'Header that holds the API key alone. The app never sees it, in no spelling that it could take for it.',
    ).optional(),
    query: described(
      worded(
        z
          .string()
          .min(1)
          .max(64)
          .regex(/^[A-Za-z][A-Za-z0-9_.-]*$/),
        'the name of a query parameter has letters, digits, _, . and -, as in api-key',
      ),
      'Query parameter that holds the API key. Guards cut it out of the target before all else; its name has to stand there once, exactly so. Of proxies that ask, only Envoy over gRPC may bring it: others would pass it on.',
    ).optional(),
  })
  .meta({ 'x-kubernetes-validations': [...rules] })

export const keyPlaceRule: CelRule = {
  rule: keyPlaceIsUsed,
  message: 'apiKey has no meaning unless accepts names ApiKey',
  fieldPath: '.apiKey',
}
