import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { watchFiles } from '../../../platform/file-watch.ts'
import { createManualClock } from './manual-clock.ts'
import { createQuietLog } from './quiet-log.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'file-watch-'))
})
afterEach(() => rm(directory, { recursive: true }))

/** As the kubelet does it: a new folder, a new link to it, and the link renamed over the old one. */
async function mount(version: string, files: Record<string, string>): Promise<void> {
  await mkdir(join(directory, version))
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, version, name), content)
  await symlink(version, join(directory, '..data_tmp'))
  await rename(join(directory, '..data_tmp'), join(directory, '..data'))
}

function setUp(onChange?: (contents: { cert: Buffer; key: Buffer }) => void) {
  const clock = createManualClock()
  const { log, lines } = createQuietLog()
  const seen: string[] = []
  const paths = { cert: join(directory, '..data', 'tls.crt'), key: join(directory, '..data', 'tls.key') }
  const stop = watchFiles(
    paths,
    contents => {
      onChange?.(contents)
      seen.push(`${contents.cert} ${contents.key}`)
    },
    { intervalMs: 1_000, log, clock },
  )
  // Reading takes real time, so the clock is moved until it has happened.
  const become = (expected: string[]) =>
    expect
      .poll(
        async () => {
          await clock.advance(1_000)
          return seen
        },
        { interval: 5 },
      )
      .toEqual(expected)
  return { stop, become, seen, clock, lines }
}

describe('watched files', () => {
  test('are told together, at first and after each swap of the mount', async () => {
    await mount('v1', { 'tls.crt': 'c1', 'tls.key': 'k1' })
    const { become, stop } = setUp()
    await become(['c1 k1'])
    await mount('v2', { 'tls.crt': 'c2', 'tls.key': 'k2' })
    await become(['c1 k1', 'c2 k2'])
    stop()
  })

  test('are not told while one is missing, nor when nothing changed', async () => {
    await mount('v1', { 'tls.crt': 'c1' })
    const { become, stop, lines } = setUp()
    await expect.poll(() => lines.length).toBeGreaterThan(0)
    await mount('v2', { 'tls.crt': 'c1', 'tls.key': 'k1' })
    await become(['c1 k1'])
    await mount('v3', { 'tls.crt': 'c1', 'tls.key': 'k1' })
    await mount('v4', { 'tls.crt': 'c4', 'tls.key': 'k4' })
    await become(['c1 k1', 'c4 k4'])
    stop()
  })

  test('are told again when they were refused', async () => {
    await mount('v1', { 'tls.crt': 'c1', 'tls.key': 'k1' })
    let refusals = 2
    const { become, stop } = setUp(() => {
      if (refusals-- > 0) throw new Error('they do not fit')
    })
    await become(['c1 k1'])
    stop()
  })

  test('are not looked at any more after stop', async () => {
    await mount('v1', { 'tls.crt': 'c1', 'tls.key': 'k1' })
    const { become, stop, clock } = setUp()
    await become(['c1 k1'])
    stop()
    await new Promise(resolve => setTimeout(resolve, 10))
    expect(clock.pending()).toBe(0)
  })
})
