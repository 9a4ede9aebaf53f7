import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compileApart } from '../../enforce/policy/compile/compile-apart.ts'
import { compileManifests } from '../../enforce/policy/compile/compile-manifests.ts'
import { accessYaml } from './access-manifests.ts'
import { issuer, service } from './policy-rows.ts'

describe('manifests compiled in a process of their own', () => {
  let folder: string
  const order = (file: string) => {
    return { path: join(folder, file), service, issuer, installation: 'default', now: 1_700_000_000 }
  }
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'compile-apart-'))
    await writeFile(join(folder, 'access.yaml'), accessYaml())
    await writeFile(join(folder, 'broken.yaml'), 'a: [1\nb: 2\n')
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('give the rows that they give in this one', async () => {
    const compiled = await compileApart(order('access.yaml'))
    expect(compiled).toEqual(await compileManifests(order('access.yaml')))
    expect(compiled.rows.length).toBeGreaterThan(2)
  })
  it('give mistakes and no rows where there are any', async () => {
    const { rows, mistakes } = await compileApart(order('broken.yaml'))
    expect(rows).toEqual([])
    expect(mistakes.join()).toContain('broken.yaml, line')
  })
  it('fail with a sentence when a file cannot be read', async () => {
    await expect(compileApart(order('gone.yaml'))).rejects.toThrow(/^ENOENT: .*gone\.yaml/)
  })
})
