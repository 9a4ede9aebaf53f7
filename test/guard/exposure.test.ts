import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createExposure, listenersIn } from '../../webhook/guard/exposure.ts'
import { createManualClock } from '../unit/platform/manual-clock.ts'
import { createQuietLog } from '../unit/platform/quiet-log.ts'

// As a kernel prints them: sl local rem st …
const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const line = (local: string, state = '0A'): string =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 1 1\n`

describe('P33 listeners beyond loopback', () => {
  it.each([
    ['00000000:1F90', [{ address: '0.0.0.0', port: 8_080 }]],
    ['0100007F:1F90', []],
    ['3500007F:0035', []],
    ['0A01F40A:0050', [{ address: '10.244.1.10', port: 80 }]],
    ['00000000000000000000000000000000:1F90', [{ address: '[::]', port: 8_080 }]],
    ['00000000000000000000000001000000:1F90', []],
    ['0000000000000000FFFF00000100007F:1F90', []],
    ['0000000000000000FFFF00000A01F40A:0050', [{ address: '10.244.1.10', port: 80 }]],
    ['000080FE00000000000000000A00000A:0050', [{ address: '[fe80:0:0:0:0:0:a00:a]', port: 80 }]],
  ])('in %s', (local, found) => {
    expect(listenersIn(head + line(local))).toEqual(found)
  })
  it('leave out connections, which listen to nobody', () => {
    expect(listenersIn(head + line('00000000:1F90', '01') + line('00000000:1F90', '06'))).toEqual([])
  })
  it('leave out what is no table', () => {
    expect(listenersIn('')).toEqual([])
    expect(listenersIn('rubbish\nmore rubbish\n')).toEqual([])
  })
})

describe('the report', () => {
  it('leaves out the guard’s ports and open ports, and follows what the app does', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'proc-'))
    const clock = createManualClock()
    const changes: (readonly string[])[] = []
    const table = (...locals: string[]): Promise<void> =>
      writeFile(join(folder, 'tcp'), head + locals.map(local => line(local)).join(''))
    await table('00000000:3AE8', '00000000:3AE9', '00000000:2382', '00000000:1F90')
    const exposure = createExposure({
      procNet: folder,
      ownPorts: [15_080, 15_081],
      openPorts: [9_090],
      onChange: now => void changes.push(now),
      clock,
      log: createQuietLog().log,
    })
    const looked = async (): Promise<void> => {
      while (clock.pending() === 0) await new Promise(resolve => setTimeout(resolve, 2))
    }
    exposure.start()
    await looked()
    expect(exposure.exposed()).toEqual(['0.0.0.0:8080'])
    await table('0100007F:1F90')
    await clock.advance(5_000)
    await looked()
    expect(changes).toEqual([['0.0.0.0:8080'], []])
    exposure.stop()
  })
  it('finds a listener among many connections, wherever a read ends', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'proc-'))
    const connections = line('0A01F40A:0050', '06').repeat(2_000)
    for (const missing of ['', '\n']) {
      const table = `${head}${connections}${line('00000000:1F90')}${connections}${line('00000000:2383')}`
      await writeFile(join(folder, 'tcp'), missing === '' ? table : table.slice(0, -1))
      const exposure = createExposure({
        procNet: folder,
        ownPorts: [],
        openPorts: [],
        onChange() {},
        clock: createManualClock(),
        log: createQuietLog().log,
      })
      expect(await exposure.look()).toEqual(['0.0.0.0:8080', '0.0.0.0:9091'])
    }
  })
})
