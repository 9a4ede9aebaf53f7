import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { accessYaml, manifestToken } from '../guard/access-manifests.ts'
import { bundleGuard } from '../guard/bundled-guard.ts'
import { issuer } from '../guard/policy-rows.ts'
import { openRaw, type RawConnection } from '../guard/raw-socket.ts'
import { startApp } from '../guard/rig.ts'

const calls = 1_000_000
const callers = 32
/** Each connection is left after so many calls: what a connection leaves behind adds up. */
const callsOfConnection = 500
const looks = 20

const cleanUp: (() => unknown)[] = []
afterAll(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step()
})

async function startGuard(appPort: number): Promise<{ child: ChildProcess; port: number }> {
  const { directory, remove } = await bundleGuard()
  cleanUp.push(remove)
  const folder = await mkdtemp(join(tmpdir(), 'million-'))
  await writeFile(join(folder, 'access.yaml'), accessYaml())
  const args = ['--manifests', folder, '--service', 'shop/orders', '--issuer', issuer, '--audit', '/dev/null']
  const where = ['--upstream', `http://127.0.0.1:${appPort}`, '--listen', '127.0.0.1:0']
  const child = spawn(process.execPath, [join(directory, 'latchkey.mjs'), 'guard', ...args, ...where], {
    env: { NODE_OPTIONS: '--max-semi-space-size=4 --max-old-space-size=96' },
  })
  cleanUp.push(() => void child.kill('SIGKILL'))
  const port = await new Promise<number>((resolve, reject) => {
    let said = ''
    child.stderr.on('data', text => {
      said += text
      const match = /"port":(\d+)/.exec(said)
      if (match) resolve(Number(match[1]))
    })
    child.on('exit', () => reject(new Error(said)))
  })
  return { child, port }
}

async function look(pid: number): Promise<{ files: number; mebibytes: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const files = (await readdir(`/proc/${pid}/fd`)).length
  return { files, mebibytes: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024 }
}
const mean = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length

it('F28 after a million calls over two thousand connections a guard has the files open that it had, and the memory', async () => {
  const app = await startApp((_request, response) => void response.end('ok'))
  cleanUp.push(() => app.close())
  const { child, port } = await startGuard(app.port)
  const token = manifestToken()
  const call = `GET /api/things HTTP/1.1\r\nHost: orders\r\nAuthorization: Bearer ${token}\r\n\r\n`
  const seen: { files: number; mebibytes: number }[] = []
  for (let round = 0; round < looks; round++) {
    let left = calls / looks
    await Promise.all(
      Array.from({ length: callers }, async () => {
        while (left > 0) {
          const connection: RawConnection = await openRaw(port)
          for (let at = 0; at < callsOfConnection && left > 0; at++) {
            left--
            connection.send(call)
            expect((await connection.answer()).status).toBe(200)
          }
          connection.socket.destroy()
        }
      }),
    )
    app.seen.splice(0)
    seen.push(await look(child.pid ?? 0))
  }
  // The first fifth warms up.
  const steady = seen.slice(looks / 5)
  const [before, after] = [steady.slice(0, 8), steady.slice(-8)]
  const told = JSON.stringify(seen)
  expect(Math.max(...after.map(one => one.files)), told).toBeLessThanOrEqual(
    Math.max(...before.map(one => one.files)) + 4,
  )
  expect(mean(after.map(one => one.mebibytes)), told).toBeLessThan(mean(before.map(one => one.mebibytes)) + 8)
})
