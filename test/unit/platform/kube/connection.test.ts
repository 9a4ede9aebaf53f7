import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { inCluster } from '../../../../platform/kube/connection.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'connection-'))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(directory, { recursive: true })
})

describe('service account', () => {
  test('is read again after a minute, because the kubelet renews the token', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(100_000)
    for (const name of ['token', 'ca.crt', 'namespace']) await writeFile(join(directory, name), `${name}-1`)
    const connection = inCluster('https://10.0.0.1', directory)
    const first = { authorization: 'Bearer token-1' }
    expect(await connection.access()).toEqual({
      server: 'https://10.0.0.1',
      headers: first,
      tls: { ca: 'ca.crt-1' },
      namespace: 'namespace-1',
    })
    await writeFile(join(directory, 'token'), 'token-2\n')
    expect((await connection.access()).headers).toEqual(first)
    clock.mockReturnValue(160_001)
    expect((await connection.access()).headers).toEqual({ authorization: 'Bearer token-2' })
  })

  test('without a token fails, and works as soon as there is one', async () => {
    const connection = inCluster('https://10.0.0.1', directory)
    await expect(connection.access()).rejects.toThrow('ENOENT')
    for (const name of ['token', 'ca.crt', 'namespace']) await writeFile(join(directory, name), name)
    expect((await connection.access()).headers).toEqual({ authorization: 'Bearer token' })
  })
})
