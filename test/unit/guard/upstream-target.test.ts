import { describe, expect, it } from 'vitest'
import { readCommand } from '../../../guard/command.ts'
import { configTable } from '../../../guard/config.ts'
import { createReachLog } from '../../../guard/upstream/reach-log.ts'
import { faultOf, targetOf } from '../../../guard/upstream/target.ts'
import { readConfig } from '../../../platform/config.ts'
import { createQuietLog } from '../platform/quiet-log.ts'

const needed = { LATCHKEY_SERVICE: 'shop/orders', LATCHKEY_SNAPSHOT_URL: 'https://issuer' }
const upstreamOf = (value: string): string => readConfig(configTable, { ...needed, LATCHKEY_UPSTREAM: value }).upstream

describe('where the app is', () => {
  it.each([
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['https://app.example/', 'https://app.example'],
    ['unix:/run/app/app.sock', 'unix:/run/app/app.sock'],
    [`unix:/${'a'.repeat(103)}`, `unix:/${'a'.repeat(103)}`],
  ])('is read of %s, in both forms of the guard', (given, upstream) => {
    expect(upstreamOf(given)).toBe(upstream)
    const args = ['--manifests', 'm', '--service', 'a/b', '--listen', ':0', '--upstream', given]
    expect(readCommand(args)).toMatchObject({ standalone: { upstream } })
  })

  it.each([
    'unix:',
    'unix:app.sock',
    'unix:///run/app.sock',
    'unix:/run/../app.sock',
    'unix:@app',
    'unix:/run/app.sock?x',
    `unix:/${'a'.repeat(104)}`,
    '/run/app.sock',
    'ftp://127.0.0.1',
    'http://user@127.0.0.1',
    'http://127.0.0.1/?x',
    '',
  ])('is not read of %s', given => {
    expect(() => upstreamOf(given)).toThrow(/LATCHKEY_UPSTREAM/)
  })

  it('says what can be read', () => {
    expect(() => upstreamOf('app.sock')).toThrow(
      'an http or https URL, or unix: and an absolute path of at most 104 characters',
    )
  })

  it('is a path and nothing else for a socket: no port and no TLS', () => {
    const options = { headersTimeoutMs: 1, log: createQuietLog().log }
    expect(targetOf({ ...options, origin: 'unix:/run/app/app.sock' })).toEqual({ plain: { path: '/run/app/app.sock' } })
  })
})

const error = (code: string): Error => Object.assign(new Error(code), { code })

describe('an error of a connection that did not come about', () => {
  it.each<[string, string]>([
    ...['ENOENT', 'EACCES', 'EPERM', 'ENOTDIR', 'ELOOP', 'EPROTOTYPE', 'ENOTSOCK', 'ECONNREFUSED'].map(
      (code): [string, string] => [code, 'upstream_unreachable'],
    ),
    ['EAGAIN', 'upstream_busy'],
    ['EPIPE', 'upstream_invalid'],
  ])('%s is %s, and after it had come about upstream_invalid', (code, fault) => {
    expect(faultOf(error(code), false)).toBe(fault)
    expect(faultOf(error(code), true)).toBe('upstream_invalid')
  })

  it('is told once a minute for every cause, with what to do', () => {
    let now = 0
    const { log, lines } = createQuietLog()
    const tell = createReachLog('unix:/run/app/app.sock', log, () => now)
    for (const at of [0, 59_999]) {
      now = at
      for (const code of ['ENOENT', 'EACCES', 'ENOENT', 'EIO']) tell(error(code))
      tell(new Error('without a code'))
    }
    expect(lines.map(({ code, socket }) => `${code} ${socket}`)).toEqual([
      'ENOENT /run/app/app.sock',
      'EACCES /run/app/app.sock',
      'EIO /run/app/app.sock',
    ])
    expect(lines[1]?.msg).toContain('let the app run with umask 007, and set securityContext.fsGroup of the pod')
    expect(lines[2]?.msg).toBe('the app is not reached by its socket: the system refuses it')
    now = 60_000
    tell(error('ENOENT'))
    expect(lines).toHaveLength(4)
  })

  it('is not told of an app on a port', () => {
    const { log, lines } = createQuietLog()
    createReachLog('http://127.0.0.1:8080', log)(error('ECONNREFUSED'))
    expect(lines).toEqual([])
  })
})
