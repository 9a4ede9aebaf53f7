import { isRecord } from '../core/base/is-record.ts'
import type { RequestHead } from '../platform/wire/read-request.ts'
import type { Answer } from './respond.ts'

/** What a version of SOAP needs of an answer. */
interface SoapVersion {
  readonly contentType: string
  readonly fault: (side: 'sender' | 'receiver', reason: string, detail: string) => string
}

/** @see SOAP 1.1 section 4.4 */
const soap11: SoapVersion = {
  contentType: 'text/xml; charset=utf-8',
  fault: (side, reason, detail) =>
    envelope(
      'http://schemas.xmlsoap.org/soap/envelope/',
      `<faultcode>soap:${side === 'sender' ? 'Client' : 'Server'}</faultcode><faultstring>${reason}</faultstring><detail>${detail}</detail>`,
    ),
}

/** @see SOAP 1.2 part 1 section 5.4 */
const soap12: SoapVersion = {
  contentType: 'application/soap+xml; charset=utf-8',
  fault: (side, reason, detail) =>
    envelope(
      'http://www.w3.org/2003/05/soap-envelope',
      `<soap:Code><soap:Value>soap:${side === 'sender' ? 'Sender' : 'Receiver'}</soap:Value></soap:Code><soap:Reason><soap:Text xml:lang="en">${reason}</soap:Text></soap:Reason><soap:Detail>${detail}</soap:Detail>`,
    ),
}

/** What says that a request is SOAP. */
type FieldsOfHead = Pick<RequestHead, 'names' | 'values'>

/**
 * An answer of the guard's own in the form that its caller reads: a SOAP fault for who speaks SOAP, in the version that was
 * spoken. Status and headers stay as they are, but for those about the body.
 */
export function inFormOf(head: FieldsOfHead, answer: Answer): Answer {
  const version = soapVersionOf(head)
  if (!version) return answer
  const problem: unknown = JSON.parse(answer.body)
  if (!isRecord(problem)) return answer
  const side = answer.status < 500 ? 'sender' : 'receiver'
  const body = version.fault(side, inXml(`${problem.code}: ${problem.detail}`), problemInXml(problem))
  const written: Readonly<Record<string, string>> = {
    'Content-Type': version.contentType,
    'Content-Length': String(Buffer.byteLength(body)),
  }
  const headers = answer.headers.map((text, at) => (at % 2 === 1 && written[answer.headers[at - 1] as string]) || text)
  return { ...answer, headers, body }
}

/** By what the versions prescribe: nothing is decided by it. `text/xml` alone may be any XML. */
function soapVersionOf(head: FieldsOfHead): SoapVersion | undefined {
  const type = fieldOf(head, 'content-type')?.toLowerCase()
  if (type === undefined) return undefined
  const [media = ''] = type.split(';', 1)
  const hasAction = (): boolean => fieldOf(head, 'soapaction') !== undefined
  switch (media.trim()) {
    case 'application/soap+xml':
      return soap12
    case 'text/xml':
      return hasAction() ? soap11 : undefined
    case 'multipart/related':
      // With attachments: the type of the envelope is a parameter.
      if (type.includes('application/soap+xml')) return soap12
      return hasAction() ? soap11 : undefined
    default:
      return undefined
  }
}

function fieldOf({ names, values }: FieldsOfHead, name: string): string | undefined {
  const at = names.indexOf(name)
  return at === -1 ? undefined : values[at]
}

function envelope(namespace: string, fault: string): string {
  return `<?xml version="1.0" encoding="utf-8"?>\n<soap:Envelope xmlns:soap="${namespace}"><soap:Body><soap:Fault>${fault}</soap:Fault></soap:Body></soap:Envelope>\n`
}

/** @see RFC 9457 appendix B */
function problemInXml(problem: Readonly<Record<string, unknown>>): string {
  const members = Object.entries(problem).map(([name, value]) => `<${name}>${inXml(String(value))}</${name}>`)
  return `<problem xmlns="urn:ietf:rfc:7807">${members.join('')}</problem>`
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** Characters that no XML may hold are told by their replacement. */
function inXml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"]/g, character => escapes[character] as string)
}
