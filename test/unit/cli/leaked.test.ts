import { generateKeyPairSync } from 'node:crypto'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { Cluster } from '../../../cli/frame/cluster.ts'
import type { CommandIo } from '../../../cli/frame/command.ts'
import { CommandError } from '../../../cli/frame/exit-codes.ts'
import { boundedLines } from '../../../cli/leaked/bounded-lines.ts'
import { confirm } from '../../../cli/leaked/confirm.ts'
import { createKeyTraffic } from '../../../cli/leaked/key-traffic.ts'
import { isOf, readKey } from '../../../cli/leaked/read-key.ts'
import { readGuardLogs } from '../../../cli/leaked/read-logs.ts'
import { revokingTime, type StoredKey } from '../../../cli/leaked/revoke.ts'
import type { PublishedKey } from '../../../core/api/access-key.ts'
import { thumbprint } from '../../../core/jose/jwk.ts'
import { writeApiKey, writeStaticSecret } from '../../../core/secret/presented.ts'
import type { KubeClient } from '../../../platform/kube/client.ts'
import { alice, bob } from '../../guard/policy-rows.ts'
import { knownSecrets } from '../core/secret/secrets.ts'
import { commandLine } from './command-line.ts'

const { kid } = alice.key
const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

describe('the key that is meant', () => {
  it.each([
    ['its id', kid],
    ['its id among white space', `  ${kid}\n`],
    ['a token', alice.token()],
    ['a token with its scheme', `Bearer ${alice.token()}`],
    ['a whole header', `Authorization: Bearer ${alice.token()}\n`],
  ])('is known from %s', (_, given) => {
    expect(readKey(given).kid).toBe(kid)
  })

  it.each([
    ['nothing', ''],
    ['a word', 'hunter2-secret'],
    ['an id that is too short', kid.slice(1)],
    ['an id with other characters', `${kid.slice(1)}+`],
    ['a token without kid', `${encode({ alg: 'EdDSA' })}.secret.secret`],
    ['a token whose kid is a path', `${encode({ kid: '../secret' })}.secret.secret`],
    ['a token whose kid is a number', `${encode({ kid: 7 })}.secret.secret`],
    ['two parts', `${encode({ kid })}.secret`],
    ['a header that is no JSON', 'secret.secret.secret'],
    ['JSON without a key', `{"d":"secret","kid":"${kid}"}`],
    ['a public key', JSON.stringify({ ...alice.key.publicKey, kid })],
    ['JSON that was cut short', `{"d":"secret","kid":"${kid}`],
    ['a kid of a prototype', '{"__proto__":{"kid":"secret"}}'],
  ])('is not known from %s, and nothing of it is quoted', (_, given) => {
    expect(() => readKey(given)).toThrow(/^what was given names no key/)
    expect(() => readKey(given)).not.toThrow(/secret/)
  })
})

describe('the secret that is meant', () => {
  const [one, two] = knownSecrets
  const apiKey = writeApiKey(one)
  it.each([
    ['its key id', one.keyId],
    ['a static secret', writeStaticSecret({ clientId: 'callers.alice', ...one })],
    ['a bearer header', `Authorization: Bearer ${writeStaticSecret({ clientId: 'callers.alice', ...one })}`],
    ['a client secret', one.secret],
    ['an API key', apiKey],
    ['a Basic header', `Authorization: Basic ${apiKey}\n`],
    ['user and password', `${one.keyId}:${one.secret}`],
    ['a line of an access log', `10.0.0.1 "GET /x?a=1&api-key=${apiKey}&b HTTP/1.1" 200`],
    ['a line of a file', `API_KEY="${one.secret}"`],
    ['two lines with the same one', `${one.secret}\n${apiKey}`],
    ['a line whose key id is that of another', `${two.keyId}.${one.secret}`],
  ])('is known from %s', (_, given) => {
    expect(readKey(given)).toEqual({ kid: one.keyId })
  })

  it.each([
    ['a secret with a typo', one.secret.replace('lks_0', 'lks_1')],
    ['a secret that goes on', `${one.secret}0`],
    ['a secret within a word', `x${one.secret}`],
    ['an API key with a typo', `${apiKey.slice(0, -1)}x`],
    ['an API key that was cut short', apiKey.slice(0, -1)],
    ['a key id in capitals', one.keyId.toUpperCase()],
  ])('is not known from %s, and nothing of it is quoted', (_, given) => {
    expect(() => readKey(given)).toThrow(/^what was given names no key/)
    expect(() => readKey(given)).not.toThrow(given)
  })

  it('is not one of two: each has to be given by itself', () => {
    expect(() => readKey(`${one.secret} ${two.secret}`)).toThrow(/^what was given holds more than one secret/)
  })
})

describe('a key id that begins with a dash', () => {
  const id = `-${kid.slice(1, 42)}-`
  it.each([
    ['first', [id, '--yes']],
    ['last', ['--yes', id]],
    ['behind two dashes', ['--yes', '--', id]],
  ])('is no option where it stands %s', async (_, args) => {
    const { code, complaint } = await commandLine(['leaked', '--kubeconfig', '/no/such/file', ...args])
    expect([code, complaint]).toEqual([2, expect.stringContaining('/no/such/file')])
  })
})

describe('a key file', () => {
  const pair = generateKeyPairSync('ed25519')
  const own = thumbprint({ ...pair.publicKey.export({ format: 'jwk' }) })
  it('is the key that its private half is, whatever name it gives itself', () => {
    const file = JSON.stringify({ ...pair.privateKey.export({ format: 'jwk' }), kid })
    expect(readKey(`${file}\n`).kid).toBe(own)
  })
})

describe('a token', () => {
  const published = { kid, publicKey: alice.key.publicKey } as PublishedKey
  it.each<[string, string, boolean]>([
    ['that the key signed', alice.token(), true],
    ['that has ended', alice.token({ exp: 1, iat: 0 }), true],
    ['that another key signed', bob.token({}, { kid }), false],
    ['that nobody signed', `${encode({ alg: 'none', kid })}.${encode({})}.AAAA`, false],
    ['of another algorithm', alice.token({}, { alg: 'ES256' }), false],
    ['whose claims were changed', alice.token().replace(/\.[^.]+\./, `.${encode({ aud: 'x' })}.`), false],
  ])('%s means the key: %s', (_, token, means) => {
    expect(isOf(readKey(token), published)).toBe(means)
  })

  it('is not needed beside an id', () => {
    expect(isOf(readKey(kid), published)).toBe(true)
  })
})

describe('latchkey leaked', () => {
  it.each<[string, string[], string[] | undefined]>([
    ['what names no key', ['secret-word', '--yes'], undefined],
    ['a token by standard input that is a terminal', ['-', '--yes'], undefined],
    ['the token and the log by one standard input', ['-', '--audit', '-', '--yes'], ['x']],
    ['standard input that is read, and nobody to ask', ['-'], ['secret']],
    ['a log by standard input, and nobody to ask', [kid, '--audit', '-'], ['x']],
    ['more than a token by standard input', ['-', '--yes'], ['secret'.repeat(20_000)]],
    ['a time that is none', [kid, '--timeout', '0'], undefined],
    ['a log and whether to read logs', [kid, '--audit', 'x', '--logs', 'read'], undefined],
    ['an option with one dash', ['-abc', '--yes'], undefined],
  ])('takes %s for wrong usage, before a cluster is asked', async (_, args, input) => {
    const ended = await commandLine(['leaked', '--kubeconfig', '/nowhere', ...args], { input })
    expect([ended.code, ended.text]).toEqual([2, ''])
    expect(ended.complaint).not.toMatch(/secret|nowhere/)
  })

  it('shows nothing of a token that stands on the command line, whatever else is wrong', async () => {
    const token = alice.token()
    for (const more of [['--kubeconfig', '/nowhere'], ['--what'], ['second'], ['--timeout', 'x']]) {
      const ended = await commandLine(['leaked', token, '--yes', ...more], {})
      expect(ended.code).toBe(2)
      for (const part of token.split('.')) expect(ended.text + ended.complaint).not.toContain(part)
      const [{ secret }] = knownSecrets
      const ofSecret = await commandLine(['leaked', secret, '--yes', ...more], {})
      expect([ofSecret.code, ofSecret.text + ofSecret.complaint]).toEqual([2, expect.not.stringContaining('lks_')])
    }
  })
})

describe('keysNotBefore', () => {
  const key = (keys: string[], keysNotBefore?: string) =>
    ({
      spec: { ...(keysNotBefore && { keysNotBefore }) },
      status: { keys: keys.map(notBefore => ({ notBefore })) },
    }) as unknown as StoredKey

  it.each<[string, StoredKey, string]>([
    ['a second behind the youngest key', key(['2026-01-01T00:00:05Z', '2026-01-01T00:00:09Z']), '2026-01-01T00:00:10Z'],
    ['never earlier than it was', key(['2026-01-01T00:00:05Z'], '2026-05-01T00:00:00Z'), '2026-05-01T00:00:00Z'],
    ['later than it was', key(['2026-06-01T00:00:05Z'], '2026-05-01T00:00:00Z'), '2026-06-01T00:00:06Z'],
    ['of whole seconds', key(['2026-06-01T00:00:05.900Z']), '2026-06-01T00:00:06Z'],
  ])('is %s, whatever the clock of whoever asks says', (_, one, expected) => {
    expect(revokingTime(one)).toBe(expected)
  })
})

const entry = (more: object = {}) => ({
  ...{ v: 1, time: '2026-06-01T10:00:00.000Z', decision: 'allow', reason: 'granted', revision: '', key: kid },
  ...{ method: 'GET', path: '/orders/7', service: 'shop/orders', requestId: 'r', peer: '10.0.0.1', durationMs: 1 },
  ...more,
})

describe('what a key did', () => {
  const told = (...entries: object[]) => {
    const traffic = createKeyTraffic(kid)
    for (const one of entries) traffic.add(JSON.stringify(one))
    return traffic
  }

  it('is told by service, method, route, decision and reason, with first, last and where from', () => {
    const traffic = told(
      entry({ route: 'order', time: '2026-06-01T12:00:00.000Z', peer: '10.0.0.2' }),
      entry({ route: 'order', path: '/orders/8' }),
      entry({ decision: 'deny', reason: 'not_granted', time: '2026-06-01T11:00:00.000Z' }),
    )
    expect(traffic.calls()).toEqual([
      {
        ...{ service: 'shop/orders', method: 'GET', route: 'order', decision: 'allow', reason: 'granted', calls: 2 },
        ...{ firstSeen: '2026-06-01T10:00:00.000Z', lastSeen: '2026-06-01T12:00:00.000Z' },
        ...{ peers: ['10.0.0.2', '10.0.0.1'], morePeers: 0 },
      },
      expect.objectContaining({ route: '/orders/7', decision: 'deny', reason: 'not_granted', calls: 1 }),
    ])
  })

  it("is nothing of what somebody else's key did, nor of calls without one", () => {
    const traffic = told(entry({ key: bob.key.kid }), entry({ key: undefined }), entry({ subject: kid }))
    expect(traffic.calls().map(({ calls }) => calls)).toEqual([1])
    expect(traffic.unreadable()).toBe(0)
  })

  it('counts lines that are none: other output, cut short, too long, not of this version', () => {
    const traffic = createKeyTraffic(kid)
    const line = JSON.stringify(entry())
    const bad = [line.slice(0, 80), 'started', '{}', 'null', JSON.stringify(entry({ v: 2 })), undefined]
    for (const one of [...bad, '', line]) traffic.add(one)
    expect([traffic.unreadable(), traffic.calls().length]).toEqual([bad.length, 1])
    // Behind the prefix of `kubectl logs --prefix`.
    traffic.add(`[pod/orders-1] ${line}`)
    expect(traffic.calls()[0]?.calls).toBe(2)
  })

  it('tells eight addresses and that there are more', () => {
    const peers = Array.from({ length: 50 }, (_, at) => entry({ peer: `10.0.0.${at}` }))
    const [calls] = told(...peers, entry({ peer: 7 })).calls()
    expect([calls?.calls, calls?.peers.length, calls?.morePeers]).toEqual([51, 8, 1])
  })

  it('tells 1,000 kinds of calls of a service apart and counts the rest, and those of others all the same', () => {
    const traffic = createKeyTraffic(kid)
    for (let at = 0; at < 1_003; at++) traffic.add(JSON.stringify(entry({ path: `/${at}` })))
    traffic.add(JSON.stringify(entry({ service: 'shop/stock' })))
    expect([traffic.calls().length, traffic.untold()]).toEqual([1_001, 3])
  })

  it('is 50,000 kinds of calls at most', () => {
    const traffic = createKeyTraffic(kid)
    for (let at = 0; at < 50_010; at++) {
      traffic.add(JSON.stringify(entry({ service: `shop/s-${at % 51}`, path: `/${Math.floor(at / 51)}` })))
    }
    expect([traffic.calls().length, traffic.untold()]).toEqual([50_000, 10])
  })
})

describe('the lines of a log', () => {
  async function lines(...chunks: (string | Buffer)[]) {
    const found: (string | undefined)[] = []
    for await (const line of boundedLines(Readable.from(chunks))) found.push(line)
    return found
  }

  it('are joined over pieces, with the last one that nothing ends', async () => {
    expect(await lines('a', 'b\nc\n\nd', 'e')).toEqual(['ab', 'c', '', 'de'])
    const euro = Buffer.from('x€\n')
    expect(await lines(euro.subarray(0, 2), euro.subarray(2))).toEqual(['x€'])
    expect(await lines()).toEqual([])
  })

  it('that are too long are told to be there, and what follows is read', async () => {
    const long = 'x'.repeat(70_000)
    expect(await lines(`${long}\na\n`)).toEqual([undefined, 'a'])
    expect(await lines('a\n', long, long, long, '\nb\n')).toEqual(['a', undefined, 'b'])
    expect(await lines(long)).toEqual([undefined])
  })

  it('need no more memory than a line where a file has no line end at all: longer than any string', async () => {
    const piece = Buffer.alloc(1_048_576, 'x')
    async function* file() {
      for (let at = 0; at < 600; at++) yield piece
    }
    const found: (string | undefined)[] = []
    for await (const line of boundedLines(file())) found.push(line)
    expect(found).toEqual([undefined])
  })
})

describe('a person who is asked', () => {
  const asked = async (...typed: string[]) => {
    const said: string[] = []
    const input = Object.assign(Readable.from(typed), { isTTY: true })
    const io = { input, complain: (text: string) => said.push(text) } as unknown as CommandIo
    return [await confirm('Revoke?', io), said.join('')]
  }

  it.each(['y\n', 'Y\n', 'yes\n', ' yes \nn\n'])('agrees by %j', async typed => {
    expect(await asked(typed)).toEqual([true, 'Revoke? [y/N] '])
  })

  it.each(['n\n', '\n', 'yes please\n', 'no\nyes\n', '', 'yy\n'])('does not by %j', async typed => {
    expect((await asked(typed))[0]).toBe(false)
  })
})

describe("the logs of guards' containers", () => {
  function clusterOf(logs: Record<string, string | Error>, listed: () => void = () => {}) {
    const asked: string[] = []
    const client = {
      async list(_resource: unknown, options: object) {
        listed()
        asked.push(JSON.stringify(options))
        const names = Object.keys(logs)
        const labels = { 'latchkey.dev/guard': 'orders' }
        return { items: names.map(name => ({ metadata: { namespace: 'shop', name, labels } })), resourceVersion: '1' }
      },
      async raw(_method: string, path: string) {
        asked.push(path)
        const log = logs[/pods\/([^/]+)\/log/.exec(path)?.[1] ?? '']
        if (log instanceof Error) throw log
        return log
      },
    } as unknown as KubeClient
    const cluster: Cluster = { namespace: 'else', ask: call => call(client) }
    return { cluster, asked }
  }

  it('are read of every guarded pod of all namespaces, in bounds', async () => {
    const line = `${JSON.stringify(entry())}\n`
    const { cluster, asked } = clusterOf({ a: `${line}${line}`, b: `started\n{"level":"info"}\n${line}`, c: '' })
    const traffic = createKeyTraffic(kid)
    expect(await readGuardLogs(cluster, traffic)).toEqual({ read: 3, unread: [] })
    expect([traffic.calls()[0]?.calls, traffic.unreadable()]).toEqual([3, 1])
    expect(asked[0]).toBe('{"labelSelector":"latchkey.dev/guard","limit":500}')
    expect(asked[1]).toMatch(
      /^\/api\/v1\/namespaces\/shop\/pods\/a\/log\?container=latchkey-guard&.*limitBytes=[0-9]+$/,
    )
  })

  it('are believed of the service that the pod guards, and of no other', async () => {
    const lines = ['shop/stock', 'payments/orders', 'shop/orders'].map(service => JSON.stringify(entry({ service })))
    const { cluster } = clusterOf({ a: lines.join('\n') })
    const traffic = createKeyTraffic(kid)
    await readGuardLogs(cluster, traffic)
    expect([traffic.calls().map(({ service }) => service), traffic.foreign()]).toEqual([['shop/orders'], 2])
  })

  it('that may not be read are told by name, and the others are read', async () => {
    const { cluster } = clusterOf({ a: new CommandError('refused', 'api refuses'), b: `${JSON.stringify(entry())}\n` })
    const traffic = createKeyTraffic(kid)
    expect(await readGuardLogs(cluster, traffic)).toEqual({ read: 1, unread: ['shop/a: api refuses'] })
    expect(traffic.calls()).toHaveLength(1)
  })

  it('of pods that may not be listed are none, and that is told', async () => {
    const { cluster } = clusterOf({}, () => {
      throw new CommandError('refused', 'api refuses')
    })
    const read = await readGuardLogs(cluster, createKeyTraffic(kid))
    expect(read).toEqual({ read: 0, unread: ['pods cannot be listed: api refuses'] })
  })
})
