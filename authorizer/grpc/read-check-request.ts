import { serviceName } from '../../enforce/settings.ts'
import { fieldName } from '../../platform/wire/fields/field-name.ts'
import { type AskedFault, type AskedOfProxy, type HeaderFields, readAsked } from '../asked.ts'
import type { CheckRequest } from './generated/envoy/service/auth/v3/external_auth_pb.js'

/** The key under which Envoy's `context_extensions` name the service, as `namespace/name`. */
export const serviceExtension = 'latchkey.dev/service'

/** The service that the proxy's configuration names. */
export function serviceAsked({ attributes }: CheckRequest): string | undefined {
  return serviceName(attributes?.contextExtensions[serviceExtension] ?? '')
}

/** The address the proxy sees its caller at. */
export function callerAddress({ attributes }: CheckRequest): string | undefined {
  const address = attributes?.source?.address?.address
  return address?.case === 'socketAddress' ? address.value.address : undefined
}

/** What the caller asked for. Envoy gives the headers merged into one each, or, with `encode_raw_headers`, all as sent. */
export function readCheckRequest({ attributes }: CheckRequest): AskedOfProxy | AskedFault {
  const http = attributes?.request?.http
  if (!http) return { detail: 'The check is about no HTTP request.' }
  const headers = http.headerMap ? rawFields(http.headerMap.headers) : fieldsOf(http.headers)
  return readAsked({ method: http.method, target: http.path }, headers)
}

function fieldsOf(headers: Readonly<Record<string, string>>): HeaderFields {
  return { fields: Object.keys(headers).map(fieldName), values: Object.values(headers) }
}

function rawFields(headers: readonly { key: string; value: string; rawValue: Uint8Array }[]): HeaderFields {
  return {
    fields: headers.map(({ key }) => fieldName(key)),
    values: headers.map(({ value, rawValue }) =>
      rawValue.length > 0 ? Buffer.from(rawValue).toString('latin1') : value,
    ),
  }
}
