import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { KubeAccess } from '../../../platform/kube/access.ts'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'
import { connectByKubeconfig } from '../../../platform/kube/kubeconfig/connect.ts'
import { createExecPlugin } from '../../../platform/kube/kubeconfig/exec-plugin.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'connection-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true })
})

type Parts = Readonly<Record<string, unknown>>
const ca = '-----BEGIN CERTIFICATE-----'
const encoded = (value: string) => Buffer.from(value).toString('base64')
const server = 'https://api.example:6443/'

async function write(name: string, content: Parts | string): Promise<string> {
  const file = join(directory, name)
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

/** Of one context. */
const parts = (user: object, cluster: object = {}, name = 'one'): Parts => ({
  clusters: [{ name, cluster: { server, ...cluster } }],
  users: [{ name, user }],
  contexts: [{ name, context: { cluster: name, user: name, namespace: 'team' } }],
  'current-context': name,
})
const kubeconfig = (user: object, cluster: object = {}) => write('config', parts(user, cluster))

const env = process.env
const accessOf = async (user: object, cluster?: object): Promise<KubeAccess> =>
  connectByKubeconfig({ kubeconfig: await kubeconfig(user, cluster), env }).access()

describe('kubeconfig', () => {
  test('that is named and missing is an error at once', () => {
    const none = join(directory, 'none')
    expect(() => loadKubeConnection({ kubeconfig: none })).toThrow('ENOENT')
    expect(() => connectByKubeconfig({ kubeconfig: none, env })).toThrow('ENOENT')
  })

  test('gives server, authorities, client certificate, proxy and namespace', async () => {
    const user = { 'client-certificate-data': encoded('cert'), 'client-key-data': encoded('key') }
    const cluster = {
      'certificate-authority-data': encoded(ca),
      'tls-server-name': 'kube',
      'proxy-url': 'http://proxy:3128',
    }
    const access = await loadKubeConnection({ kubeconfig: await kubeconfig(user, cluster) }).access()
    expect(access).toEqual({
      server: 'https://api.example:6443',
      headers: {},
      tls: { ca: Buffer.from(ca), cert: Buffer.from('cert'), key: Buffer.from('key'), servername: 'kube' },
      proxy: 'http://proxy:3128',
      namespace: 'team',
    })
  })

  test('takes paths from where it stands, and data before files', async () => {
    for (const name of ['ca', 'cert', 'key', 'token']) await write(name, `${name === 'ca' ? ca : name} file\n`)
    const files = { 'client-certificate': 'cert', 'client-key': './key', tokenFile: 'token' }
    const found = await accessOf(files, { 'certificate-authority': 'ca', 'insecure-skip-tls-verify': true })
    expect(found).toMatchObject({
      headers: { authorization: 'Bearer token file' },
      tls: { ca: Buffer.from(`${ca} file\n`), cert: Buffer.from('cert file\n'), rejectUnauthorized: false },
    })
    const both = await accessOf({}, { 'certificate-authority': 'gone', 'certificate-authority-data': encoded(ca) })
    expect(both.tls).toEqual({ ca: Buffer.from(ca) })
  })

  test.each([
    ['a token', { token: 'abc' }, 'Bearer abc'],
    ['a token in a file that is gone, and one beside it', { token: 'abc', tokenFile: 'gone' }, 'Bearer abc'],
    ['a name and a password', { username: 'a', password: 'b' }, 'Basic YTpi'],
  ])('with %s authorizes', async (_what, user, authorization) => {
    expect((await accessOf(user)).headers).toEqual({ authorization })
  })

  test('without a user asks as nobody, with the authorities all the same', async () => {
    const { users: _, contexts: __, ...rest } = parts({}, { 'certificate-authority-data': encoded(ca) })
    const kubeconfig = await write('config', { ...rest, contexts: [{ name: 'one', context: { cluster: 'one' } }] })
    const access = await connectByKubeconfig({ kubeconfig, env }).access()
    expect(access).toMatchObject({ headers: {}, tls: { ca: Buffer.from(ca) } })
  })

  test('asks with the rights of another one whole, or not at all', async () => {
    const groups = { 'as-groups': ['dev', 'ops'], 'as-uid': '7', 'as-user-extra': { 'a/b': ['x', 'y'] } }
    expect((await accessOf({ token: 'abc', as: 'jane', ...groups })).headers).toEqual({
      authorization: 'Bearer abc',
      'impersonate-user': 'jane',
      'impersonate-uid': '7',
      'impersonate-group': ['dev', 'ops'],
      'impersonate-extra-a%2Fb': ['x', 'y'],
    })
    await expect(accessOf({ token: 'abc', ...groups })).rejects.toThrow('does not say whose')
  })

  test('sends no credential where everybody could read it, as to kubectl proxy', async () => {
    const { headers } = await accessOf({ token: 'abc' }, { server: 'http://127.0.0.1:8001' })
    expect(headers).toEqual({})
  })

  test('asks a named auth provider through the client library', async () => {
    const idToken = `${encoded('{}')}.${encoded(JSON.stringify({ exp: 4_000_000_000 }))}.s`
    const config = { 'id-token': idToken, 'client-id': 'c', 'idp-issuer-url': 'https://idp', 'refresh-token': 'r' }
    const { headers } = await accessOf({ 'auth-provider': { name: 'oidc', config } })
    expect(headers).toEqual({ authorization: `Bearer ${idToken}` })
  })

  test.each([
    ['names no context', { contexts: [] }, 'it names no current context'],
    ['names a context that is not there', { 'current-context': 'gone' }, 'there is no context gone'],
    ['has no such cluster', { clusters: [], 'current-context': 'one' }, 'there is no cluster one, which context one'],
    ['has no such user', { users: null, 'current-context': 'one' }, 'there is no user one, whom context one names'],
    [
      'has no server',
      { clusters: [{ name: 'one' }], 'current-context': 'one' },
      'the server of cluster one is no http',
    ],
  ])('that %s fails in words', async (_what, wrong, message) => {
    const { 'current-context': _, ...rest } = parts({ token: 'abc' })
    const connection = connectByKubeconfig({ kubeconfig: await write('config', { ...rest, ...wrong }), env })
    await expect(connection.access()).rejects.toThrow(message)
  })

  test.each([
    ['a number where a text must be', { token: 123 }, {}, 'token of one is no text: put it in quotes'],
    ['a certificate without its key', { 'client-certificate-data': 'YQ==' }, {}, 'only one of client certificate and'],
    [
      'an authority that is none',
      {},
      { 'certificate-authority-data': 'AAAA' },
      'certificate-authority of one is no certificate',
    ],
  ])('that holds %s fails in words', async (_what, user, cluster, message) => {
    await expect(accessOf(user, cluster)).rejects.toThrow(message)
  })

  test('is YAML as kubectl reads it: with merged keys, a key twice, several documents', async () => {
    const cluster = `clusters: [{ name: one, cluster: { server: '${server}' } }]`
    const rest = 'contexts: [{ name: one, context: { cluster: one, user: one } }]\ncurrent-context: one\n'
    const users = 'shared: &shared { token: merged }\nusers: [{ name: one, user: { <<: *shared } }]'
    const text = `\ufeff---\n${cluster}\nkind: Config\nkind: Config\n${users}\n${rest}---\nusers: []\n`
    const kubeconfig = await write('config', text.replaceAll('\n', '\r\n'))
    const { headers } = await connectByKubeconfig({ kubeconfig, env }).access()
    expect(headers).toEqual({ authorization: 'Bearer merged' })
  })

  test('that is no kubeconfig fails without showing what is in it', async () => {
    for (const [text, what] of [
      ['users:\n- name: u\n  user: { token: s3cret\n', /is no YAML, line \d+$/],
      ['users: *s3cret\n', /is no YAML: what an alias stands for is not in it$/],
      ['s3cret', /is no kubeconfig$/],
    ] as const) {
      const connection = connectByKubeconfig({ kubeconfig: await write('config', text), env })
      await expect(connection.access()).rejects.toThrow(what)
      await expect(connection.access()).rejects.not.toThrow('s3cret')
    }
  })
})

describe('kubeconfigs that $KUBECONFIG lists', () => {
  const listed = async (files: readonly string[], context?: string): Promise<unknown> => {
    const KUBECONFIG = files.map(file => (file === '' ? '' : join(directory, file))).join(':')
    return (await connectByKubeconfig({ env: { KUBECONFIG }, context }).access()).headers.authorization
  }
  beforeEach(async () => {
    const { 'current-context': _, ...noCurrent } = parts({ token: 'one' })
    await write('one', parts({ token: 'one' }))
    await write('no-current', noCurrent)
    await write('same-names', parts({ token: 'later' }))
    await write('two', parts({ token: 'two' }, {}, 'two'))
    await write('empty', '')
    await write('cluster', { clusters: parts({}).clusters })
    await write('rest', { ...parts({ token: 'rest' }), clusters: null })
    await write('junk-beside', { ...parts({ token: 'one' }), users: [7, { name: 'one', user: { token: 'one' } }, {}] })
  })

  test.each([
    ['take the current context of the first that names one', ['one', 'two'], undefined, 'one'],
    ['take it of a later one when the first names none', ['no-current', 'two'], undefined, 'two'],
    ['know the contexts of all', ['one', 'two'], 'two', 'two'],
    ['take what has the same name from the first', ['one', 'same-names', 'one'], undefined, 'one'],
    ['may be missing, empty or no name', ['gone', '', 'empty', 'one', 'gone'], undefined, 'one'],
    ['may hold a cluster here and its user there', ['cluster', 'rest'], undefined, 'rest'],
    ['may hold what is wrong beside what is asked for', ['junk-beside'], undefined, 'one'],
  ])('%s', async (_what, files, context, token) => {
    expect(await listed(files, context)).toBe(`Bearer ${token}`)
  })

  test('say so when there is nothing in them', async () => {
    await expect(listed(['gone', 'empty'])).rejects.toThrow(/^there is nothing in .*gone, .*empty$/)
    await expect(listed([''])).rejects.toThrow('there is none')
  })

  test('come before the one at home, and both before the pod that this may run in', async () => {
    const pod = { access: async () => ({ server: 'https://pod', headers: {}, tls: {} }) }
    const where = async (KUBECONFIG: string, context?: string) =>
      (await connectByKubeconfig({ env: { KUBECONFIG, HOME: directory }, context }, pod).access()).server
    expect(await where('')).toBe('https://pod')
    expect(await where(join(directory, 'one'))).toBe('https://api.example:6443')
    await expect(where('', 'one')).rejects.toThrow('there is nothing in')
    const named = connectByKubeconfig({ kubeconfig: join(directory, 'empty'), env: {} }, pod)
    await expect(named.access()).rejects.toThrow('there is nothing in')
  })
})

describe('an exec plugin', () => {
  const apiVersion = 'client.authentication.k8s.io/v1'
  const credential = (status: object) => JSON.stringify({ apiVersion, kind: 'ExecCredential', status })
  const plugin = async (script: string, more: object = {}, cluster?: object): Promise<KubeAccess> => {
    await writeFile(join(directory, 'plugin'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    return accessOf({ exec: { apiVersion, command: './plugin', ...more } }, cluster)
  }
  const tells = (status: object) => `cat <<'END'\n${credential(status)}\nEND`

  test('gives a token or a client certificate; its path is relative to the kubeconfig', async () => {
    expect((await plugin(tells({ token: 'abc' }))).headers).toEqual({ authorization: 'Bearer abc' })
    const { headers, tls } = await plugin(tells({ clientCertificateData: 'cert', clientKeyData: 'key' }))
    expect([headers, tls]).toEqual([{}, { cert: 'cert', key: 'key' }])
  })

  test('is told what is wanted, for which cluster, and in which environment', async () => {
    const script = `printf '%s' "$KUBERNETES_EXEC_INFO" > "${'$'}0.info"; printf '%s' "$GIVEN $HOME" > "${'$'}0.env"; ${tells({ token: 'abc' })}`
    const extensions = [{ name: 'client.authentication.k8s.io/exec', extension: { tenant: 't' } }]
    const cluster = { 'certificate-authority-data': encoded(ca), 'tls-server-name': 'kube', extensions }
    await plugin(script, { provideClusterInfo: true, env: [{ name: 'GIVEN', value: 'by us' }] }, cluster)
    expect(JSON.parse(await readFile(join(directory, 'plugin.info'), 'utf8'))).toEqual({
      kind: 'ExecCredential',
      apiVersion,
      spec: {
        cluster: {
          server,
          'tls-server-name': 'kube',
          'certificate-authority-data': encoded(ca),
          config: { tenant: 't' },
        },
        interactive: false,
      },
    })
    expect(await readFile(join(directory, 'plugin.env'), 'utf8')).toBe(`by us ${process.env.HOME}`)
  })

  test('that asks where no terminal is finds nobody, and does not wait', async () => {
    const answer = await plugin(
      `read code || code=nobody; echo "${credential({ token: '$code' }).replaceAll('"', '\\"')}"`,
    )
    expect(answer.headers).toEqual({ authorization: 'Bearer nobody' })
    await expect(plugin(tells({ token: 'abc' }), { interactiveMode: 'Always' })).rejects.toThrow('needs a terminal')
  })

  test('is run again when what it gave has expired, and not before', async () => {
    const script = (expires: string) => `echo x >> "$0.runs"; ${tells({ token: 'abc', expirationTimestamp: expires })}`
    for (const [expires, runs] of [
      ['2001-01-01T00:00:00Z', 2],
      ['2999-01-01T00:00:00Z', 3],
    ] as const) {
      await writeFile(join(directory, 'plugin'), `#!/bin/sh\n${script(expires)}\n`, { mode: 0o755 })
      const entry = (fields: object) => ({ name: 'one', folder: directory, fields: { ...fields } })
      const ask = createExecPlugin(entry({ apiVersion, command: './plugin' }), entry({ server }), {
        env,
        isTerminal: false,
      })
      await ask()
      await ask()
      expect((await readFile(join(directory, 'plugin.runs'), 'utf8')).trim().split('\n')).toHaveLength(runs)
    }
  })

  test('may ask whoever sits there', async () => {
    const kubeconfig = await write(
      'config',
      parts({ exec: { apiVersion, command: './plugin', interactiveMode: 'Always' } }),
    )
    const script = `#!/bin/sh\nprintf '%s' "$KUBERNETES_EXEC_INFO" > "$0.info"; ${tells({ token: 'abc' })}\n`
    await writeFile(join(directory, 'plugin'), script, { mode: 0o755 })
    const { headers } = await connectByKubeconfig({ kubeconfig, env, isTerminal: true }).access()
    expect(headers).toEqual({ authorization: 'Bearer abc' })
    expect(JSON.parse(await readFile(join(directory, 'plugin.info'), 'utf8')).spec).toEqual({ interactive: true })
  })

  test('is not asked by who has a token', async () => {
    const user = { token: 'abc', exec: { apiVersion, command: '/no/such' } }
    expect((await accessOf(user)).headers).toEqual({ authorization: 'Bearer abc' })
  })

  test.each([
    ['fails', 'exit 3', /^\.\/plugin gives no credential: it ended with 3$/],
    ['is killed', 'kill -9 $$', /it ended with SIGKILL$/],
    ['prints no JSON', 'echo s3cret', /what it printed is no JSON$/],
    ['prints something else', 'echo \'{"token":"s3cret"}\'', /is no ExecCredential of client\.authentication/],
    ['prints another version', tells({ token: 's3cret' }).replace('/v1"', '/v1beta1"'), /is no ExecCredential of/],
    [
      'gives an end that is no time',
      tells({ token: 's3cret', expirationTimestamp: 'soon' }),
      /its expirationTimestamp is no time$/,
    ],
    ['gives nothing', tells({}), /there is neither a token in it nor a certificate with its key$/],
    ['gives half a certificate', tells({ clientCertificateData: 's3cret' }), /nor a certificate with its key$/],
  ])('that %s is an error that shows nothing it printed', async (_what, script, message) => {
    const failed = plugin(script)
    await expect(failed).rejects.toThrow(message)
    await expect(failed).rejects.not.toThrow('s3cret')
  })

  test('that is not installed is named, with what its author says about that', async () => {
    const exec = { apiVersion, command: 'kubelogin-of-nobody', installHint: 'Install it:\n  https://a.example' }
    const message = 'kubelogin-of-nobody cannot be run: ENOENT; Install it: https://a.example'
    await expect(accessOf({ exec })).rejects.toThrow(message)
    await expect(accessOf({ exec: { apiVersion } })).rejects.toThrow('user one names no command to run')
  })
})
