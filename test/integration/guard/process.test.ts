import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accessYaml, manifestToken } from '../../guard/access-manifests.ts'
import { issuer } from '../../guard/policy-rows.ts'
import { openRaw, type RawConnection, sendRaw } from '../../guard/raw-socket.ts'
import { type App, auditLines, startApp } from '../../guard/rig.ts'
import { startCollector } from '../../guard/trace-collector.ts'

const main = fileURLToPath(new URL('../../../guard/main.ts', import.meta.url))
const run = promisify(execFile)

let app: App
let folder: string
beforeAll(async () => {
  app = await startApp((_request, response) => void setTimeout(() => response.end('ok'), 5))
  folder = await mkdtemp(join(tmpdir(), 'process-'))
  await writeFile(join(folder, 'access.yaml'), accessYaml())
})
afterAll(() => app.close())

interface Child {
  readonly port: number
  readonly process: ChildProcess
  readonly exited: Promise<number | null>
  /** What it wrote besides its log. */
  stdout(): string
  stderr(): string
}

async function start(audit: string, env: Record<string, string> = {}): Promise<Child> {
  const args = ['--manifests', folder, '--service', 'shop/orders', '--issuer', issuer]
  const where = ['--upstream', `http://127.0.0.1:${app.port}`, '--listen', '127.0.0.1:0', '--audit', audit]
  const child = spawn(process.execPath, [main, ...args, ...where], { env: { ...process.env, ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', text => {
    stdout += text
  })
  const exited = new Promise<number | null>(resolve => child.on('exit', resolve))
  const port = await new Promise<number>((resolve, reject) => {
    child.stderr.on('data', text => {
      stderr += text
      const match = /"port":(\d+)/.exec(stderr)
      if (match) resolve(Number(match[1]))
    })
    child.on('exit', () => reject(new Error(stderr)))
  })
  return { port, process: child, exited, stdout: () => stdout, stderr: () => stderr }
}

const call = (): string => `GET /api/things HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`
const token = manifestToken()

describe('F20 SIGTERM under load', () => {
  it('drops not one of 5,000 requests on kept connections, and exits 0', { timeout: 60_000 }, async () => {
    const [first, second] = await Promise.all([start(join(folder, 'first.log')), start(join(folder, 'second.log'))])
    let begun = 0
    let answered = 0
    let moved = 0

    async function caller(): Promise<void> {
      let connection: RawConnection = await openRaw(first.port)
      while (begun < 5_000) {
        begun++
        connection.send(call())
        const answer = await connection.answer()
        expect([answer.status, answer.body]).toEqual([200, 'ok'])
        answered++
        if (answered === 1_500) first.process.kill('SIGTERM')
        if (answer.headers.connection?.[0] !== 'close') continue
        // As in a cluster: new connections go to another pod.
        moved++
        connection = await openRaw(second.port)
      }
      connection.socket.destroy()
    }
    await Promise.all(Array.from({ length: 40 }, caller))
    expect(answered).toBeGreaterThanOrEqual(5_000)
    expect(moved).toBe(40)
    expect(await first.exited).toBe(0)
    second.process.kill('SIGTERM')
    expect(await second.exited).toBe(0)
    const lines = [
      ...(await auditLines(join(folder, 'first.log'), 1)),
      ...(await auditLines(join(folder, 'second.log'), 1)),
    ]
    expect(lines).toHaveLength(answered)
    expect(first.stderr()).not.toContain('"level":"error"')
  })
})

// Each starts a process of its own, which takes its time on a busy machine.
describe('the process', { timeout: 60_000 }, () => {
  it('writes audit lines to stdout and its log to stderr', async () => {
    const child = await start('-')
    await sendRaw(child.port, 'GET /api/x HTTP/1.1\r\nHost: orders\r\n\r\n')
    child.process.kill('SIGTERM')
    expect(await child.exited).toBe(0)
    expect(
      child
        .stdout()
        .trim()
        .split('\n')
        .map(line => JSON.parse(line).reason),
    ).toEqual(['credential_missing'])
  })
  it('sends a span per call when a collector is named, the last ones before it ends', async () => {
    const collector = await startCollector()
    const child = await start('/dev/null', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collector.url })
    expect((await sendRaw(child.port, call())).status).toBe(200)
    child.process.kill('SIGTERM')
    expect(await child.exited).toBe(0)
    await collector.close()
    expect(collector.spans).toHaveLength(1)
    expect(collector.spans[0]).toMatchObject({
      kind: 2,
      attributes: { 'latchkey.decision': 'allow', 'latchkey.service': 'shop/orders' },
      resource: { 'service.name': 'latchkey-guard', 'service.version': 'dev' },
    })
  })
  it('answers and ends in order when the collector is away', async () => {
    const child = await start('/dev/null', {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_EXPORTER_OTLP_TIMEOUT: '500',
    })
    for (let calls = 0; calls < 5; calls++) expect((await sendRaw(child.port, call())).status).toBe(200)
    await expect.poll(child.stderr, { timeout: 20_000 }).toContain('spans cannot be sent to the collector')
    child.process.kill('SIGTERM')
    expect(await child.exited).toBe(0)
    expect(child.stderr()).not.toContain('"level":"error"')
  })
  it('prints help with both forms', async () => {
    const { stdout } = await run(process.execPath, [main, '--help'])
    for (const word of [
      '--manifests',
      '--service',
      '--upstream',
      '--listen',
      '--audit',
      '--issuer',
      'LATCHKEY_SNAPSHOT_URL',
      'default :15080'.slice(0, 7),
      '--debug',
      'LATCHKEY_DEBUG',
      'OTEL_EXPORTER_OTLP_ENDPOINT',
    ]) {
      expect(stdout).toContain(word)
    }
  })
  const failing = async (
    args: string[],
    env: Record<string, string> = {},
  ): Promise<{ code: number; stderr: string }> => {
    try {
      await run(process.execPath, [main, ...args], { env: { ...process.env, ...env } })
      throw new Error('it ran')
    } catch (error) {
      return error as { code: number; stderr: string }
    }
  }
  it('tells every missing and mistaken setting at once, without a stack trace', async () => {
    const { code, stderr } = await failing([], { LATCHKEY_LISTEN: 'x', LATCHKEY_PROBES: '{}', LATCHKEY_SERVIC: 'a/b' })
    expect(code).toBe(2)
    for (const name of [
      'LATCHKEY_SERVICE: required',
      'LATCHKEY_LISTEN: expected',
      'LATCHKEY_PROBES: expected',
      'LATCHKEY_SERVIC: no such',
    ]) {
      expect(stderr).toContain(name)
    }
    expect(stderr).not.toContain('    at ')
  })
  it('tells a mistaken option, and a mistake in the manifests', async () => {
    const options = ['--manifests', folder, '--upstream', 'http://127.0.0.1:1', '--listen', ':0']
    const told = async (args: string[], sentence: string): Promise<void> => {
      const { code, stderr } = await failing(args)
      expect([code, stderr]).toEqual([2, expect.stringContaining(sentence)])
      expect(stderr).not.toContain('    at ')
    }
    await told([...options, '--service', 'orders'], 'Expected namespace/name')
    await told(options, '--manifests, --service, --upstream and --listen belong together')
    await told([...options, '--service', 'shop/orders', '--debug'], "'--debug' says nothing without '--admin'")
    await told(['--audit', '-'], 'LATCHKEY_SERVICE: required')
    await told([...options, '--service', 'shop/none'], 'There is no GuardedService shop/none.')
  })
  it('loads neither the Kubernetes client nor schemas beside an app', async () => {
    const script = `import { registerHooks } from 'node:module'; const seen = []; registerHooks({ load(url, context, next) { seen.push(url); return next(url, context) } }); process.on('exit', () => process.stdout.write(seen.join('\\n'))); await import(${JSON.stringify(main)}).catch(() => {})`
    const file = join(folder, 'loaded.mjs')
    await writeFile(file, script)
    const { stdout } = (await run(process.execPath, [file]).catch((error: unknown) => error)) as { stdout: string }
    expect(stdout).toContain('/guard/sidecar.ts')
    expect(stdout).not.toMatch(/node_modules\/(zod|@kubernetes|commander|yaml|jose)\//)
    // Its API is there all the same: prom-client brings it.
    expect(stdout).not.toMatch(/node_modules\/@opentelemetry\/(?!api\/)/)
  })
})
