import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from '@redis/client'
import { createAuthority, createServerCertificate } from '../../../../platform/x509.ts'
import { debianProgram, withLibraries } from '../../../cluster/debian-program.ts'
import { freePort } from '../../../free-port.ts'

/** What a Redis of a test is started with, beside where it listens. */
export interface RedisSettings {
  readonly config?: Readonly<Record<string, string>>
  readonly tls?: boolean
  /** A user with these rules; without one the default user has the password. */
  readonly acl?: string
}

/** Debian's redis-server on a port of loopback, with a configuration and a folder of its own. */
export interface RunningRedis {
  readonly url: string
  /** Folder with the files `password` and, of an ACL user, `username`. */
  readonly credentials: string
  /** With TLS: the authority of its certificate. */
  readonly caFile: string | undefined
  /** As whoever runs it. */
  ask(...args: string[]): Promise<unknown>
  /** Everything it was ever told to write, as it lies on the disk. */
  written(): Promise<string>
  /** Ends it as if the machine had lost power. */
  kill(): Promise<void>
  /** Starts it again with what is on the disk. */
  start(): Promise<void>
  /** It takes connections and says nothing. */
  freeze(): void
  thaw(): void
  close(): Promise<void>
}

const adminPassword = 'the-admins-password'
const userPassword = 'the-issuers-password'

/** Another process may take a port between our look and its use; a second try finds another. */
export async function startRedis(settings: RedisSettings = {}): Promise<RunningRedis> {
  for (let tries = 1; ; tries++) {
    try {
      return await startAt(await freePort(), settings)
    } catch (error) {
      if (tries === 3 || !/Address already in use/.test(String(error))) throw error
    }
  }
}

async function startAt(port: number, { config = {}, tls = false, acl }: RedisSettings): Promise<RunningRedis> {
  const program = await debianProgram('redis-tools', 'usr/bin/redis-check-rdb', [
    'libatomic1',
    'libjemalloc2',
    'liblzf1',
  ])
  const env = await withLibraries(program)
  const home = await mkdtemp(join(tmpdir(), 'latchkey-redis-'))
  const caFile = tls ? await writeCertificates(home) : undefined
  const password = acl === undefined ? adminPassword : userPassword
  await writeFile(join(home, 'password'), `${password}\n`)
  if (acl !== undefined) await writeFile(join(home, 'username'), 'latchkey\n')
  await writeFile(join(home, 'redis.conf'), settingsOf({ home, port, tls, acl, config }))
  let child: ChildProcess | undefined

  const admin = createClient({
    url: `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
    password: adminPassword,
    username: acl === undefined ? 'default' : 'admin',
    ...(caFile !== undefined && { socket: { tls: true, ca: await readFile(caFile, 'utf8') } }),
  })
  admin.on('error', () => undefined)

  const redis: RunningRedis = {
    url: `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`,
    credentials: home,
    caFile,
    async ask(...args) {
      if (!admin.isOpen) await admin.connect()
      return admin.sendCommand(args)
    },
    async written() {
      const folder = join(home, 'appendonlydir')
      const files = await readdir(folder)
      return (await Promise.all(files.map(file => readFile(join(folder, file), 'latin1')))).join('\n')
    },
    async start() {
      if (child && child.exitCode === null && child.signalCode === null) return
      // The program is what its name says: Debian's redis-server is a link to it.
      child = spawn(program, [join(home, 'redis.conf')], {
        argv0: 'redis-server',
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      await listening(child)
    },
    async kill() {
      const ending = child
      if (!ending || ending.exitCode !== null || ending.signalCode !== null) return
      ending.kill('SIGKILL')
      await once(ending, 'exit')
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async close() {
      admin.destroy()
      await redis.kill()
      await rm(home, { recursive: true, force: true })
    },
  }
  await redis.start()
  return redis
}

function settingsOf(about: {
  home: string
  port: number
  tls: boolean
  acl: string | undefined
  config: Readonly<Record<string, string>>
}): string {
  const { home, port, tls, acl, config } = about
  const lines = [
    'bind 127.0.0.1',
    `dir ${home}`,
    ...(tls ? ['port 0', `tls-port ${port}`, 'tls-auth-clients no'] : [`port ${port}`]),
    ...(tls ? ['cert', 'key', 'ca-cert'].map(name => `tls-${name}-file ${join(home, `${name}.pem`)}`) : []),
    ...(acl === undefined
      ? [`requirepass ${adminPassword}`]
      : ['user default off', `user admin on >${adminPassword} ~* +@all`, `user latchkey on >${userPassword} ${acl}`]),
    ...Object.entries({ appendonly: 'yes', appendfsync: 'always', save: '""', ...config }).map(pair => pair.join(' ')),
  ]
  return `${lines.join('\n')}\n`
}

async function writeCertificates(home: string): Promise<string> {
  const now = new Date()
  const lifetimeMs = 86_400_000
  const authority = await createAuthority({ commonName: 'redis', now, lifetimeMs })
  const issued = await createServerCertificate({ authority, hosts: ['127.0.0.1'], now, lifetimeMs })
  await writeFile(join(home, 'cert.pem'), issued.certificate)
  await writeFile(join(home, 'key.pem'), issued.privateKey)
  await writeFile(join(home, 'ca-cert.pem'), authority.certificate)
  return join(home, 'ca-cert.pem')
}

async function listening(child: ChildProcess): Promise<void> {
  let said = ''
  await new Promise<void>((resolve, reject) => {
    const hear = (text: Buffer): void => {
      said += text
      if (said.includes('Ready to accept connections')) resolve()
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    child.once('exit', () => reject(new Error(`redis-server did not start:\n${said}`)))
    child.once('error', reject)
  })
}
