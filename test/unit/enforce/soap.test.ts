import { describe, expect, it } from 'vitest'
import type { Decision } from '../../../core/policy/decision.ts'
import { denial, upstreamFailed } from '../../../enforce/respond.ts'
import { inFormOf } from '../../../enforce/soap.ts'

const verdict = (decision: Decision) => ({ pass: false, decision, proved: undefined, snapshot: undefined })
const denied = denial(verdict({ allow: false, reason: 'not_granted', missing: 'GET /a<b>&"c"\u0001' }), 'request-1')
const failed = upstreamFailed('upstream_timeout', verdict({ allow: true, reason: 'public' }), 'request-1')
const headOf = (fields: Readonly<Record<string, string>>) => ({
  names: Object.keys(fields),
  values: Object.values(fields),
})
const fieldOf = ({ headers }: { headers: readonly string[] }, name: string) => headers[headers.indexOf(name) + 1]
const formOf = (fields: Readonly<Record<string, string>>, answer = denied) => {
  const made = inFormOf(headOf(fields), answer)
  if (made === answer) return 'as it was'
  return made.body.includes('2003/05/soap-envelope') ? '1.2' : '1.1'
}

describe('an answer of the guard', () => {
  it.each([
    ['1.1', { 'content-type': 'text/xml; charset=utf-8', soapaction: '"urn:x"' }],
    ['1.1', { 'content-type': 'TEXT/XML', soapaction: '' }],
    ['1.1', { 'content-type': 'multipart/related; type="application/xop+xml"; start-info="text/xml"', soapaction: '' }],
    ['1.2', { 'content-type': 'application/soap+xml;charset=UTF-8;action="urn:x"' }],
    ['1.2', { 'content-type': 'Application/SOAP+XML' }],
    ['1.2', { 'content-type': 'multipart/related; start-info="application/soap+xml"' }],
    ['as it was', { 'content-type': 'text/xml' }],
    ['as it was', { soapaction: '"urn:x"' }],
    ['as it was', { 'content-type': 'application/json', soapaction: '"urn:x"' }],
    ['as it was', { 'content-type': 'application/soap+xmlx' }],
    ['as it was', { 'content-type': 'multipart/related; type="image/png"' }],
    ['as it was', {}],
  ] as const)('is %s for %j', (form, fields) => {
    expect(formOf(fields)).toBe(form)
  })

  it.each([
    ['text/xml; charset=utf-8', { 'content-type': 'text/xml', soapaction: '' }],
    ['application/soap+xml; charset=utf-8', { 'content-type': 'application/soap+xml' }],
  ] as const)('keeps status and headers as a fault, and is %s of its length', (type, fields) => {
    const made = inFormOf(headOf(fields), denied)
    expect(made.status).toBe(403)
    expect(fieldOf(made, 'Content-Type')).toBe(type)
    expect(fieldOf(made, 'Content-Length')).toBe(String(Buffer.byteLength(made.body)))
    const others = ['Content-Type', 'Content-Length']
    const kept = (answer: typeof made) =>
      answer.headers.filter((_, at) => !others.includes(answer.headers[at - (at % 2)] as string))
    expect(kept(made)).toEqual(kept(denied))
  })

  it('says whose fault it is: the caller’s, or that of a server', () => {
    const soap11 = headOf({ 'content-type': 'text/xml', soapaction: '' })
    const soap12 = headOf({ 'content-type': 'application/soap+xml' })
    expect(inFormOf(soap11, denied).body).toContain('<faultcode>soap:Client</faultcode>')
    expect(inFormOf(soap11, failed).body).toContain('<faultcode>soap:Server</faultcode>')
    expect(inFormOf(soap12, denied).body).toContain('<soap:Value>soap:Sender</soap:Value>')
    expect(inFormOf(soap12, failed).body).toContain('<soap:Value>soap:Receiver</soap:Value>')
  })

  it('holds nothing of a path that XML would read as more than text', () => {
    const { body } = inFormOf(headOf({ 'content-type': 'application/soap+xml' }), denied)
    expect(body).toContain('<missing>GET /a&lt;b&gt;&amp;&quot;c&quot;\ufffd</missing>')
    expect(body).toContain('<problem xmlns="urn:ietf:rfc:7807"><type>https://latchkey.dev/problems/not_granted</type>')
  })
})
