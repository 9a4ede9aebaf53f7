import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { afterEach, describe, expect, it } from 'vitest'
import { apiDocumentOf } from '../../../../issuer/publish/api-document.ts'
import { alice, rowsOf } from '../../../guard/policy-rows.ts'
import { sliceOfRows, startCheck } from './rig.ts'

const document = apiDocumentOf({ issuerUrl: 'https://i.test/default', tokenUrl: 'https://t.test/default' }) as {
  paths: Record<string, Record<string, unknown>>
  components: { schemas: Record<string, object> }
}
const ajv = new Ajv2020({ strict: false })
ajv.addSchema(document, 'openapi')
const schema = (name: string) => ajv.getSchema(`openapi#/components/schemas/${name}`) as ValidateFunction

let running: Awaited<ReturnType<typeof startCheck>> | undefined
afterEach(() => running?.close())

describe('the OpenAPI document', () => {
  it('says of each endpoint where it is: those with a port of their own elsewhere than the documents', () => {
    const elsewhere = Object.entries(document.paths).flatMap(([path, item]) => ('servers' in item ? [path] : []))
    expect(elsewhere).toEqual(Object.keys(document.paths).filter(path => /\/oauth\/|\/v1\/check$/.test(path)))
    expect(document.paths['/v1/check']?.servers).toEqual([{ url: 'https://t.test/default' }])
  })

  it('names nothing that is not in it', () => {
    const named = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name)
    expect([...new Set(named)].sort()).toEqual(Object.keys(document.components.schemas).sort())
  })

  it('describes each parameter of a path', () => {
    for (const [path, { parameters = [] }] of Object.entries(document.paths)) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      expect(
        (parameters as { name: string }[]).map(({ name }) => name),
        path,
      ).toEqual(names)
    }
  })

  it('describes what a check is asked and answered', async () => {
    running = await startCheck([sliceOfRows(rowsOf())])
    const call = { method: 'GET', path: '/api/x' }
    const authorization = `Bearer ${alice.token()}`
    const checks = [
      { ...call, authorization },
      { authorization, permission: { action: 'read', resource: 'orders' } },
      { ...call, apiKey: 'k' },
    ]
    const body = { service: 'shop/orders', checks }
    expect(schema('Checks')(body)).toBe(true)
    const answer = await running.send(body)
    expect([answer.status, schema('CheckResults')(answer.body)]).toEqual([200, true])
    const results = answer.body.results as object[]
    const told = [...new Set(results.flatMap(result => Object.keys(result)))]
    const { properties } = document.components.schemas.CheckResult as { properties: object }
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(told))
  })

  it.each([
    ['neither a path nor a permission', {}],
    ['both', { method: 'GET', path: '/', permission: { action: 'a', resource: 'b' } }],
    ['a member that nobody knows', { method: 'GET', path: '/', token: 'x' }],
    ['a resource of nothing', { permission: { action: 'a', resource: '' } }],
  ])('refuses, as the issuer does, a check with %s', async (_, check) => {
    running = await startCheck([sliceOfRows(rowsOf())])
    const body = { service: 'shop/orders', checks: [check] }
    const answer = await running.send(body)
    expect([schema('Checks')(body), answer.status, schema('Problem')(answer.body)]).toEqual([false, 400, true])
  })
})
