import { spawn } from 'node:child_process'
import { describe, expect, test } from 'vitest'

const here = new URL('../../../platform/', import.meta.url).pathname

/** Runs code in a process of its own, after `onSignals` and `createLog` were imported and `log` made. */
async function run(code: string, signals: NodeJS.Signals[]) {
  const script = `
    import { onSignals } from '${here}shutdown.ts'
    import { createLog } from '${here}log.ts'
    const log = createLog({ process: 'test' })
    setInterval(() => undefined, 1_000)
    ${code}
    process.stdout.write('{"msg":"up"}\\n')`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', chunk => {
    output += chunk
    // One signal at each line, so that the second one comes while the first is worked on.
    if (/"msg":"(up|step)/.test(String(chunk))) {
      const signal = signals.shift()
      if (signal) child.kill(signal)
    }
  })
  const code_ = await new Promise(resolve => child.on('exit', resolve))
  return {
    code: code_,
    messages: output
      .trim()
      .split('\n')
      .map(line => JSON.parse(line).msg as string),
    output,
  }
}

describe.concurrent('shutdown', () => {
  test('runs the steps in order, also past one that fails, and exits 0', async ({ expect }) => {
    const steps = `onSignals([
      async () => log.info('first'),
      async () => { throw new Error('broken') },
      async () => log.info('last'),
    ], { log, deadlineMs: 5_000 })`
    const { code, messages } = await run(steps, ['SIGTERM'])
    expect(code).toBe(0)
    expect(messages).toEqual(['up', 'stopping', 'first', 'a step of the shutdown failed', 'last', 'stopped'])
  })

  test('a second signal, of either kind, exits at once', async ({ expect }) => {
    const steps = `onSignals([async () => { log.info('step'); await new Promise(() => undefined) }], { log, deadlineMs: 60_000 })`
    const { code, messages } = await run(steps, ['SIGINT', 'SIGTERM'])
    expect(code).toBe(1)
    expect(messages.at(-1)).toBe('second signal, exiting now')
  })

  test('steps that take too long are cut off', async ({ expect }) => {
    const steps = `onSignals([() => new Promise(() => undefined)], { log, deadlineMs: 50 })`
    const { code, messages } = await run(steps, ['SIGTERM'])
    expect(code).toBe(1)
    expect(messages.at(-1)).toBe('not stopped in time, exiting now')
  })

  test.each([
    ['rejection', `Promise.reject(Object.assign(new Error('nobody'), { body: 'hunter2' }))`],
    ['exception', `setTimeout(() => { throw Object.assign(new Error('nobody'), { body: 'hunter2' }) })`],
  ])('an unhandled %s is logged without what it carries and exits 1 (F33)', async (_kind, fault) => {
    const { code, output } = await run(`onSignals([], { log, deadlineMs: 50 }); ${fault}`, [])
    expect(code).toBe(1)
    expect(output).toContain('"message":"nobody"')
    expect(output).not.toContain('hunter2')
  })
})
