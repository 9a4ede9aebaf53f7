import { describe, expect, it } from 'vitest'
import { openApiRoutes } from '../../../../core/registry/openapi-routes.ts'

const paths = { '/a': { get: {}, put: {} }, '/b': { post: {} } }

/** The path of the first operation, or the fault. */
function firstOf(servers: unknown, found: object = paths): string | undefined {
  const read = openApiRoutes({ openapi: '3.0.3', paths: found, servers }, 'orders')
  return 'fault' in read ? read.fault : read.routes[0]?.path
}
const ofUrl = (url: string, defaults: Record<string, string> = {}) => {
  const variables = Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, { default: value }]))
  return firstOf([{ url, variables }])
}

describe('the path of a server', () => {
  it.each([
    ['https://x.amazonaws.com/{basePath}', { basePath: '/prod' }, '/prod/a'],
    ['https://x.amazonaws.com/{basePath}', { basePath: 'prod' }, '/prod/a'],
    ['https://x.amazonaws.com/{basePath}', { basePath: '/prod/' }, '/prod/a'],
    ['https://x.amazonaws.com/{basePath}', { basePath: '' }, '/a'],
    ['https://x.amazonaws.com/{basePath}', { basePath: '/' }, '/a'],
    ['https://x.amazonaws.com{basePath}', { basePath: '/prod' }, '/prod/a'],
    ['/{basePath}', { basePath: '/prod' }, '/prod/a'],
    ['https://h/{stage}/{version}', { stage: '/prod', version: '/v1' }, '/prod/v1/a'],
    ['{host}{basePath}', { host: 'https://h/', basePath: '/prod' }, '/prod/a'],
    ['https://{host}/v1', { host: '/h' }, '/h/v1/a'],
  ])('%s with %j gives %s: a slash of the URL and one of the default are one', (url, defaults, path) => {
    expect(ofUrl(url, defaults)).toBe(path)
  })

  it.each([
    ['https://h//v1', {}],
    ['https://h/v1//', {}],
    ['https://h/{stage}/v1', { stage: '' }],
    ['https://h/{stage}/v1', { stage: 'prod/' }],
    ['https://h/{basePath}', { basePath: '//prod' }],
  ])('%s with %j has an empty segment, which is told once and at the server', (url, defaults) => {
    expect(ofUrl(url, defaults)).toBe('At servers.0.url: an empty segment; write one slash.')
  })

  it.each([
    ['', '/a'],
    ['.', '/a'],
    ['./', '/a'],
    ['/', '/a'],
    ['{basePath}', '/a'],
  ])('%j adds nothing', (url, path) => {
    expect(ofUrl(url, { basePath: '' })).toBe(path)
  })

  const relative = 'At servers.0.url: a relative URL, and what it is relative to is not known here; write '
  const either = '/ and the path, or https:// and the host.'
  it.each([
    ['./api', `${relative}/api.`],
    ['api', `${relative}/api.`],
    ['v1/', `${relative}/v1.`],
    ['api/v1', `${relative}/api/v1.`],
    ['../api', relative + either],
    ['./.', relative + either],
    ['api.example.org/v1', relative + either],
    ['localhost:8080/v1', relative + either],
    ['//h/v1', 'At servers.0.url: two slashes; write one before a path, or https:// before a host.'],
    ['/v1?x=1', 'At servers.0.url: no path has a query; leave out what follows ?'],
    ['https://h/v1#x', 'At servers.0.url: no path has a fragment; leave out what follows #'],
    ['https://h?x=1', 'At servers.0.url: no path has a query'],
    ['?', 'At servers.0.url: no path has a query'],
    ['/a/../b', 'At servers.0.url: a segment is not in normal form'],
    ['https://h/%61', 'At servers.0.url: a segment is not in normal form'],
    ['https://{tenant}.ex.com/v1', 'At servers.0.variables.tenant: the URL has this variable, but it is not described'],
  ])('%j is refused once, with what to write', (url, fault) => {
    const told = ofUrl(url)
    expect(told).toContain(fault)
    expect(told).not.toContain('faults')
  })

  it('that is at fault does not hide what else is wrong', () => {
    expect(
      firstOf([{ url: 'v1' }], { '/a': { GET: {} }, '/b': { get: {}, put: { servers: [{ url: 'x' }] } } }),
    ).toMatch(/^3 faults\. At servers\.0\.url: .+ At paths\.\/a\.GET: .+ At paths\.\/b\.put\.servers\.0\.url: [^.]+\.$/)
  })

  it('and a path that are too long together are told at each operation', () => {
    const long = { [`/${'p'.repeat(300)}`]: { get: {} }, '/b': { get: {} } }
    expect(firstOf([{ url: `/${'s'.repeat(300)}` }], long)).toMatch(
      /^At paths\.\/p+\.\.\.: with the path of its server it has more than 512 characters; shorten one\.$/,
    )
  })
})
