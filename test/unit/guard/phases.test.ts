import { readdir, readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import type { CallerConnection, Exchange, Phase } from '../../../guard/http1/caller-state.ts'
import * as phases from '../../../guard/http1/phases.ts'

const folder = new URL('../../../guard/http1/', import.meta.url)

/** Which file writes what of a connection, and what of its running exchange. */
const owners = {
  caller: {
    phase: 'phases.ts',
    exchange: 'phases.ts',
    since: 'phases.ts',
    progress: 'phases.ts',
    served: 'phases.ts',
    pipelined: 'phases.ts',
    endedSince: 'phases.ts',
    tunnel: 'phases.ts',
    link: 'phases.ts',
    pending: 'holding.ts',
    held: 'holding.ts',
    looked: 'head.ts',
    lines: 'request.ts',
    linesOf: 'request.ts',
    linesWithout: 'request.ts',
    out: 'write.ts',
    corked: 'write.ts',
    blockedSince: 'write.ts',
    seat: 'write.ts',
    pumping: 'caller.ts',
    lingered: 'caller.ts',
  },
  exchange: {
    sent: 'phases.ts',
    upstream: 'request.ts',
    waiting: 'request.ts',
    begun: 'answer.ts',
    chunked: 'answer.ts',
    unframed: 'answer.ts',
    closes: 'answer.ts',
    reported: 'caller-state.ts',
  },
} as const

/** `name.field =`, in any of its forms, and who does it. */
async function writersOf(name: string): Promise<Record<string, string>> {
  const written = new RegExp(
    String.raw`\b${name}\.(\w+)(?:\s*(?:[-+*/%&|^]|&&|\|\||\?\?|\*\*|<<|>>>?)?=(?![=>])|\+\+|--)`,
    'g',
  )
  const writers = new Map<string, Set<string>>()
  for (const file of (await readdir(folder)).toSorted()) {
    const text = await readFile(new URL(file, folder), 'utf8')
    for (const [, field = ''] of text.matchAll(written)) {
      writers.set(field, (writers.get(field) ?? new Set()).add(file))
    }
  }
  return Object.fromEntries([...writers].map(([field, files]) => [field, [...files].join(' ')]))
}

describe('the states of a connection', () => {
  it.each(['caller', 'exchange'] as const)('have one file that writes each field of a %s', async name => {
    expect(await writersOf(name)).toEqual(owners[name])
  })

  it('are written through no other name than the one that is looked for', async () => {
    for (const file of await readdir(folder)) {
      const text = await readFile(new URL(file, folder), 'utf8')
      expect(text).not.toMatch(/\bof\(\)\.\w+ *=[^=]|\.exchange\??\.\w+ *=[^=]|Object\.assign\(/)
      expect([file, /\.phase *=[^=]/.test(text)]).toEqual([file, file === 'phases.ts'])
    }
  })
})

/** A connection between two requests, of which the transitions need nothing but their own fields. */
function connection(fields: Partial<CallerConnection> = {}): CallerConnection {
  const state = { phase: 'head', served: 0, since: 0, progress: 7, endedSince: -1, pipelined: false }
  return { ...state, listener: { tick: 5 }, ...fields } as CallerConnection
}

const exchange = (): Exchange => ({ sent: false }) as Exchange

describe('a connection', () => {
  it('goes from head to answer to body to answer and is ready for the next head', () => {
    const [caller, running] = [connection(), exchange()]
    const seen: Phase[] = [caller.phase]
    const step = (take: () => void): void => {
      take()
      seen.push(caller.phase)
    }
    step(() => phases.beginExchange(caller, running))
    expect(caller.exchange).toBe(running)
    step(() => phases.awaitBody(caller))
    expect(caller).toMatchObject({ since: 5, progress: 0 })
    step(() => phases.endBody(caller, running))
    expect(running.sent).toBe(true)
    step(() => phases.endExchange(caller))
    expect(caller.exchange).toBeUndefined()
    step(() => phases.awaitHead(caller))
    expect(caller).toMatchObject({ served: 1, pipelined: false })
    expect(seen).toEqual(['head', 'answer', 'body', 'answer', 'answer', 'head'])
  })

  it('waits for a proof and goes on with its head', () => {
    const caller = connection()
    phases.awaitProof(caller)
    expect(caller.phase).toBe('proof')
    phases.endProof(caller)
    expect(caller.phase).toBe('head')
  })

  it('knows a request that came before the answer to the one in front of it', () => {
    const caller = connection({ phase: 'answer', pending: Buffer.from('GET') })
    phases.awaitHead(caller)
    expect(caller.pipelined).toBe(true)
  })

  it('has not sent its request whole when the app took enough of it', () => {
    const [caller, running] = [connection({ phase: 'body' }), exchange()]
    phases.cutBody(caller)
    expect([caller.phase, running.sent]).toEqual(['answer', false])
  })

  it('ends its exchange by becoming a tunnel', () => {
    const take = (): void => {}
    const caller = connection({ phase: 'answer', exchange: exchange() })
    phases.enterTunnel(caller, take, undefined)
    expect(caller).toMatchObject({ phase: 'tunnel', exchange: undefined, tunnel: take, link: undefined })
  })

  it('lives by bytes of a body only when there are enough of them', () => {
    const caller = connection({ phase: 'body', progress: 0 })
    phases.noteProgress(caller, 10, 20)
    expect(caller).toMatchObject({ since: 0, progress: 10 })
    phases.noteProgress(caller, 10, 20)
    expect(caller).toMatchObject({ since: 5, progress: 0 })
  })

  it('counts from its end, and from its last words', () => {
    const caller = connection()
    phases.noteEnd(caller)
    phases.linger(caller)
    expect(caller).toMatchObject({ endedSince: 5, since: 5, phase: 'linger' })
  })

  it('stays closed, whatever was under way', () => {
    const running = exchange()
    const later: ((caller: CallerConnection) => void)[] = [
      phases.awaitProof,
      phases.endProof,
      caller => phases.beginExchange(caller, running),
      phases.awaitBody,
      caller => phases.endBody(caller, running),
      phases.cutBody,
      phases.awaitHead,
      caller => phases.enterTunnel(caller, undefined, undefined),
      phases.linger,
    ]
    for (const step of later) {
      const caller = connection()
      phases.close(caller)
      step(caller)
      expect(caller.phase).toBe('closed')
    }
  })
})
