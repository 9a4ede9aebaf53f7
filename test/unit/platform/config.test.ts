import { describe, expect, test } from 'vitest'
import {
  choice,
  describeConfig,
  duration,
  flag,
  integer,
  list,
  readConfig,
  text,
  url,
} from '../../../platform/config.ts'

const table = {
  issuerUrl: url('LATCHKEY_ISSUER_URL', { description: 'where the issuer is reached' }),
  port: integer('LATCHKEY_PORT', { default: 8443, min: 1, max: 65_535, description: 'port to listen on' }),
  level: choice('LATCHKEY_LOG_LEVEL', ['info', 'debug'], { default: 'info', description: 'what is logged' }),
  audit: flag('LATCHKEY_AUDIT', { default: false, description: 'log without refusing' }),
  hosts: list('LATCHKEY_HOSTS', { default: [], description: 'who may call' }),
  wait: duration('LATCHKEY_WAIT', { default: 30_000, min: 1_000, max: 7_200_000, description: 'how long to wait' }),
  namespace: text('LATCHKEY_NAMESPACE', { default: undefined as string | undefined, description: 'where to look' }),
}
const required = { LATCHKEY_ISSUER_URL: 'https://issuer.example/a/' }

describe('configuration', () => {
  test('gives typed values and defaults', () => {
    const env = {
      ...required,
      LATCHKEY_PORT: '9',
      LATCHKEY_AUDIT: 'true',
      LATCHKEY_HOSTS: 'a, b,',
      LATCHKEY_WAIT: '1h30m',
      PATH: '/bin',
    }
    expect(readConfig(table, env)).toEqual({
      issuerUrl: 'https://issuer.example/a',
      port: 9,
      level: 'info',
      audit: true,
      hosts: ['a', 'b'],
      wait: 5_400_000,
      namespace: undefined,
    })
  })

  test('an empty variable is one not given', () => {
    expect(readConfig(table, { ...required, LATCHKEY_PORT: '' }).port).toBe(8443)
  })

  test('reports all mistakes at once, and none of the values', () => {
    const env = {
      LATCHKEY_PORT: '70000-hunter2',
      LATCHKEY_AUDIT: 'yes-hunter2',
      LATCHKEY_LOG_LEVEL: 'hunter2',
      LATCHKEY_WAIT: '3d-hunter2',
      LATCHKEY_PROT: 'hunter2',
    }
    expect(() => readConfig(table, env)).toThrow(
      new Error(
        [
          'configuration:',
          'LATCHKEY_PROT: no such setting',
          'LATCHKEY_ISSUER_URL: required, where the issuer is reached',
          'LATCHKEY_PORT: expected a whole number from 1 to 65535',
          'LATCHKEY_LOG_LEVEL: expected one of info, debug',
          'LATCHKEY_AUDIT: expected true or false',
          'LATCHKEY_WAIT: expected a duration such as 30s, 10m or 1h30m, within bounds',
        ].join('\n  '),
      ),
    )
  })

  test.each([
    ['LATCHKEY_PORT', '0'],
    ['LATCHKEY_PORT', '1e3'],
    ['LATCHKEY_PORT', '0x50'],
    ['LATCHKEY_PORT', ' 80'],
    ['LATCHKEY_AUDIT', 'True'],
    ['LATCHKEY_AUDIT', '1'],
    ['LATCHKEY_ISSUER_URL', 'issuer.example'],
    ['LATCHKEY_ISSUER_URL', 'ftp://issuer.example'],
    ['LATCHKEY_ISSUER_URL', 'https://user:secret@issuer.example'],
    ['LATCHKEY_ISSUER_URL', 'https://issuer.example/?a=b'],
    ['LATCHKEY_WAIT', '30'],
    ['LATCHKEY_WAIT', '30s later'],
    ['LATCHKEY_WAIT', '-30s'],
    ['LATCHKEY_WAIT', '999ms'],
    ['LATCHKEY_WAIT', '3h'],
  ])('%s=%s is refused', (name, value) => {
    expect(() => readConfig(table, { ...required, [name]: value })).toThrow(`${name}: expected`)
  })

  test('describes itself, one line per setting', () => {
    expect(describeConfig(table).split('\n')).toEqual([
      'LATCHKEY_ISSUER_URL  where the issuer is reached (required)',
      'LATCHKEY_PORT        port to listen on (default 8443)',
      'LATCHKEY_LOG_LEVEL   what is logged (default info)',
      'LATCHKEY_AUDIT       log without refusing (default false)',
      'LATCHKEY_HOSTS       who may call (default none)',
      'LATCHKEY_WAIT        how long to wait (default 30s)',
      'LATCHKEY_NAMESPACE   where to look (default none)',
    ])
  })
})
