import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createExposure, type ExposureOptions, type Found } from '../../guard/probes/exposure.ts'
import { listenersIn } from '../../guard/probes/listeners.ts'
import { createManualClock } from '../unit/platform/manual-clock.ts'
import { createQuietLog } from '../unit/platform/quiet-log.ts'

// As a kernel prints them: sl local rem st …
const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const line = (local: string, state = '0A'): string =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 1 1\n`

describe('P33 listeners beyond loopback', () => {
  it.each([
    ['00000000:1F90', '0.0.0.0', 8_080, 'beyond'],
    ['0100007F:1F90', '127.0.0.1', 8_080, 'loopback'],
    ['3500007F:0035', '127.0.0.53', 53, 'loopback'],
    ['0A01F40A:0050', '10.244.1.10', 80, 'beyond'],
    ['00000000000000000000000000000000:1F90', '[::]', 8_080, 'beyond'],
    ['00000000000000000000000001000000:1F90', '[::1]', 8_080, 'loopback'],
    ['0000000000000000FFFF00000100007F:1F90', '127.0.0.1', 8_080, 'loopback'],
    ['0000000000000000FFFF00000A01F40A:0050', '10.244.1.10', 80, 'beyond'],
    ['000080FE00000000000000000A00000A:0050', '[fe80:0:0:0:0:0:a00:a]', 80, 'beyond'],
  ])('in %s', (local, address, port, reach) => {
    expect(listenersIn(head + line(local))).toEqual([{ address, port, loopback: reach === 'loopback' }])
  })
  it('leave out connections, which listen to nobody', () => {
    expect(listenersIn(head + line('00000000:1F90', '01') + line('00000000:1F90', '06'))).toEqual([])
  })
  it('leave out what is no table', () => {
    expect(listenersIn('')).toEqual([])
    expect(listenersIn('rubbish\nmore rubbish\n')).toEqual([])
  })
})

const ownPorts = [15_080, 15_081]
const own = '00000000:3AE8'

/** An exposure that looks at a table of these listeners, and what it tells. */
async function lookingAt(change: Partial<ExposureOptions> = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'proc-'))
  const clock = createManualClock()
  const told: Found[] = []
  const write = (text: string): Promise<void> => writeFile(join(folder, 'tcp'), text)
  const exposure = createExposure({
    procNet: folder,
    ownPorts,
    openPorts: [],
    upstream: 'http://127.0.0.1:8080',
    onChange: found => void told.push(found),
    clock,
    log: createQuietLog().log,
    ...change,
  })
  const table = (...locals: string[]): Promise<void> => write(head + locals.map(local => line(local)).join(''))
  return { exposure, clock, told, write, table }
}

describe('the report', () => {
  it('leaves out the guard’s ports and open ports, and follows what the app does', async () => {
    const { exposure, clock, told, table } = await lookingAt({ openPorts: [9_090] })
    await table(own, '00000000:3AE9', '00000000:2382', '00000000:1F90')
    const looked = async (): Promise<void> => {
      while (clock.pending() === 0) await new Promise(resolve => setTimeout(resolve, 2))
    }
    exposure.start()
    await looked()
    expect(exposure.found()).toEqual({ exposed: ['0.0.0.0:8080'] })
    await table('0100007F:1F90')
    await clock.advance(5_000)
    await looked()
    expect(told).toEqual([{ exposed: ['0.0.0.0:8080'] }, { exposed: [] }])
    exposure.stop()
  })

  it('finds a listener among many connections, wherever a read ends', async () => {
    const connections = line('0A01F40A:0050', '06').repeat(2_000)
    for (const missing of ['', '\n']) {
      const { exposure, write } = await lookingAt({ ownPorts: [] })
      const table = `${head}${connections}${line('00000000:1F90')}${connections}${line('00000000:2383')}`
      await write(missing === '' ? table : table.slice(0, -1))
      expect(await exposure.look()).toEqual(['0.0.0.0:8080', '0.0.0.0:9091'])
    }
  })

  it.each([
    ['http://127.0.0.1:8080', '00000000:1F90', '0.0.0.0:8080'],
    ['http://127.0.0.1:8080', '00000000000000000000000000000000:1F90', '[::]:8080'],
    ['http://127.0.0.1', '00000000:0050', '0.0.0.0:80'],
    ['https://127.0.0.1', '00000000:01BB', '0.0.0.0:443'],
  ])(
    'P33 counts the port it stands before (%s) as open to others whatever the annotation names',
    async (upstream, local, exposed) => {
      const { exposure, table } = await lookingAt({ upstream, openPorts: [80, 443, 8_080, 9_090] })
      await table(own, local, '00000000:2382')
      expect(await exposure.look()).toEqual([exposed])
    },
  )
})

describe('an app that does not listen where the guard reaches it', () => {
  const after = async (ms: number, locals: readonly string[], change: Partial<ExposureOptions> = {}) => {
    const looking = await lookingAt({ openPorts: [9_999, 8_081], ...change })
    await looking.table(...locals)
    await looking.exposure.look()
    await looking.clock.advance(ms)
    await looking.exposure.look()
    return { ...looking, notListening: looking.exposure.found().notListening }
  }

  it.each([
    ['on no port', [own]],
    ['on another port', [own, '0100007F:270F']],
    ['on the loopback of IPv6 alone', [own, '00000000000000000000000001000000:1F90']],
    ['on the address of the pod alone', [own, '0A01F40A:1F90']],
    ['on another address of loopback', [own, '3500007F:1F90']],
  ])('is told after a minute: it listens %s', async (_, locals) => {
    expect((await after(59_000, locals)).notListening).toBeUndefined()
    expect((await after(60_000, locals)).notListening).toBe('127.0.0.1:8080')
  })

  it.each([
    ['one that listens', [own, '0100007F:1F90'], {}],
    ['one that listens everywhere', [own, '00000000000000000000000000000000:1F90'], {}],
    ['one whose tables say nothing, not even of the guard', ['0100007F:270F'], {}],
    ['one elsewhere', [own], { upstream: 'http://10.0.0.1:8080' }],
  ])('is not told of %s', async (_, locals, change) => {
    expect((await after(600_000, locals, change)).notListening).toBeUndefined()
  })

  it('is told once, and no more when it listens; the minute starts anew when it stops', async () => {
    const { exposure, clock, told, table } = await after(60_000, [own])
    await clock.advance(20_000)
    await exposure.look()
    await table(own, '0100007F:1F90')
    await exposure.look()
    await table(own)
    await exposure.look()
    expect(told).toEqual([{ exposed: [], notListening: '127.0.0.1:8080' }, { exposed: [] }])
  })
})

describe('an app on a Unix socket', () => {
  const onSocket = async () => {
    const folder = await mkdtemp('/tmp/latchkey-')
    const path = join(folder, 'app.sock')
    const looking = await lookingAt({ upstream: `unix:${path}`, openPorts: [9_090] })
    const found = async (ms: number): Promise<Found> => {
      await looking.clock.advance(ms)
      await looking.exposure.look()
      return looking.exposure.found()
    }
    return { ...looking, folder, path, found }
  }

  it('is told of by the name of its socket when there was none for a minute, and no more when there is one', async () => {
    const { path, folder, found } = await onSocket()
    expect(await found(0)).toEqual({ exposed: [] })
    // Of another kind it is none.
    await writeFile(path, '')
    expect(await found(59_999)).toEqual({ exposed: [] })
    expect(await found(1)).toEqual({ exposed: [], notListening: 'unix:app.sock' })
    await rm(path)
    expect(await found(1)).toEqual({ exposed: [], notListening: 'unix:app.sock' })
    const app = createServer()
    await new Promise<void>(resolve => app.listen(path, resolve))
    expect(await found(1)).toEqual({ exposed: [] })
    app.close()
    await rm(folder, { recursive: true })
  })

  it('P33 is looked at for ports beyond loopback all the same: it may listen on TCP too', async () => {
    const { table, found } = await onSocket()
    await table(own, '00000000:1F90', '00000000:2382')
    expect((await found(0)).exposed).toEqual(['0.0.0.0:8080'])
  })
})
