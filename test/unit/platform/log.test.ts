import { describe, expect, test } from 'vitest'
import { KubeError } from '../../../platform/kube/client.ts'
import { createQuietLog } from './quiet-log.ts'

describe('log', () => {
  test('names the process, the level and the time on each line', () => {
    const { log, lines } = createQuietLog()
    log.child({ kind: 'AccessKey' }).info({ name: 'a' }, 'minted')
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        process: 'test',
        kind: 'AccessKey',
        name: 'a',
        msg: 'minted',
      },
    ])
  })

  test('of an error tells name, message, code and status, and nothing it carries', () => {
    const { log, lines } = createQuietLog()
    const network = Object.assign(new Error('refused'), {
      code: 'ECONNREFUSED',
      body: 'hunter2',
      headers: { authorization: 'hunter2' },
    })
    log.warn({ err: network }, 'one')
    log.warn({ error: new KubeError('secrets GET', 403, 'Forbidden') }, 'two')
    log.warn({ err: new Error('outer', { cause: new Error('hunter2') }) }, 'three')
    log.warn({ err: { password: 'hunter2' } }, 'four')
    log.warn(network, 'five')
    expect(lines.map(line => line.err ?? line.error)).toEqual([
      { name: 'Error', message: 'refused', code: 'ECONNREFUSED' },
      { name: 'KubeError', message: 'secrets GET: 403 Forbidden', status: 403 },
      { name: 'Error', message: 'outer' },
      { name: 'object' },
      { name: 'Error', message: 'refused', code: 'ECONNREFUSED' },
    ])
    expect(JSON.stringify(lines)).not.toContain('hunter2')
  })

  test('as a second net hides fields that are called like secrets, three levels deep', () => {
    const { log, lines } = createQuietLog()
    const jwk = { kty: 'OKP', d: 'hunter2' }
    log.info(
      { token: 'hunter2', headers: { authorization: 'hunter2' }, key: 'hunter2', secret: { data: 'hunter2' } },
      'a',
    )
    log.info(
      { jwk, keys: { first: jwk }, 'private.jwk': 'hunter2', data: { 'private.pem': 'hunter2', password: 'hunter2' } },
      'b',
    )
    expect(JSON.stringify(lines)).not.toContain('hunter2')
  })

  test('of a request tells the method and no header', () => {
    const { log, lines } = createQuietLog()
    log.info({ req: { method: 'GET', headers: { authorization: 'hunter2' } } }, 'a')
    expect(lines[0]?.req).toEqual({ method: 'GET' })
  })
})
