import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadKubeConnection } from '../../../platform/kube/connection.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'connection-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true })
})

async function kubeconfig(user: object, cluster: object = {}): Promise<string> {
  const file = join(directory, 'config')
  const config = {
    clusters: [{ name: 'c', cluster: { server: 'https://api.example:6443/', ...cluster } }],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'one', context: { cluster: 'c', user: 'u', namespace: 'team' } },
      { name: 'broken', context: { cluster: 'missing', user: 'u' } },
    ],
    'current-context': 'one',
  }
  await writeFile(file, JSON.stringify(config))
  return file
}

describe('kubeconfig', () => {
  test('that is missing is an error at once', () => {
    expect(() => loadKubeConnection({ kubeconfig: join(directory, 'none') })).toThrow('ENOENT')
  })

  test('gives server, authorities, client certificate, proxy and namespace', async () => {
    const encoded = (value: string) => Buffer.from(value).toString('base64')
    const user = { 'client-certificate-data': encoded('cert'), 'client-key-data': encoded('key') }
    const cluster = {
      'certificate-authority-data': encoded('ca'),
      'tls-server-name': 'kube',
      'proxy-url': 'http://proxy:3128',
    }
    const access = await loadKubeConnection({ kubeconfig: await kubeconfig(user, cluster) }).access()
    expect(access).toEqual({
      server: 'https://api.example:6443',
      headers: {},
      tls: { ca: Buffer.from('ca'), cert: Buffer.from('cert'), key: Buffer.from('key'), servername: 'kube' },
      proxy: 'http://proxy:3128',
      namespace: 'team',
    })
  })

  test.each([
    ['a token', { token: 'abc' }, 'Bearer abc'],
    ['a name and a password', { username: 'a', password: 'b' }, 'Basic YTpi'],
    [
      'an exec plugin',
      {
        exec: {
          apiVersion: 'client.authentication.k8s.io/v1',
          command: 'echo',
          args: [
            '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"from-plugin"}}',
          ],
        },
      },
      'Bearer from-plugin',
    ],
  ])('with %s authorizes', async (_what, user, authorization) => {
    const { headers } = await loadKubeConnection({ kubeconfig: await kubeconfig(user) }).access()
    expect(headers).toEqual({ authorization })
  })

  test('with a context that names no cluster fails in words', async () => {
    const connection = loadKubeConnection({ kubeconfig: await kubeconfig({ token: 'abc' }), context: 'broken' })
    await expect(connection.access()).rejects.toThrow('the kubeconfig has no cluster for its current context')
  })
})
