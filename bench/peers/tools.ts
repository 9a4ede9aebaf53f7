import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached, keyOf } from '../../test/cluster/binaries.ts'
import { run } from '../../test/cluster/command.ts'
import { install } from '../../test/cluster/packages.ts'
import { step } from '../../test/cluster/progress.ts'
import { prepared } from '../../test/strangers/cache.ts'
import { envoy } from '../../test/strangers/strangers.ts'

const ohaVersion = '1.16.0'

/** Where the programs of other people are that the benches run. */
export interface Tools {
  readonly envoy: string
  readonly nginx: string
  readonly wrk: string
}

/** Installs what is missing. @throws Error when a peer cannot be had */
export async function prepareTools(): Promise<Tools> {
  await install({ 'nginx-light': '/usr/sbin/nginx', wrk: '/usr/bin/wrk', 'util-linux': '/usr/bin/taskset' })
  return { envoy: await envoy(), nginx: '/usr/sbin/nginx', wrk: '/usr/bin/wrk' }
}

/** Path of oha, which sends at a fixed rate and counts from when a request was due. Built once. */
export async function prepareOha(): Promise<string> {
  const directory = await cached(`bench/oha-${keyOf(ohaVersion, process.arch)}`, target =>
    step(`build oha ${ohaVersion} (some minutes, once)`, async () => {
      const build = join(target, 'build')
      const flags = ['--quiet', '--locked', '--no-track', '--version', ohaVersion]
      await run('cargo', ['install', 'oha', ...flags, '--root', target], { env: { CARGO_TARGET_DIR: build } })
      await run('rm', ['-rf', build])
    }),
  )
  return join(directory, 'bin/oha')
}

/** Path of a program that times OPA's decisions, and of the policy it decides by. Built once. */
export async function prepareOpa(): Promise<{ program: string; policy: string }> {
  const sources = join(import.meta.dirname, 'opa')
  const directory = await prepared('opa', sources, target =>
    step('build OPA (some minutes, once)', async () => {
      await run('go', ['build', '-C', sources, '-trimpath', '-o', join(target, 'decide'), '.'])
    }),
  )
  return { program: join(directory, 'decide'), policy: join(sources, 'policy.rego') }
}

/** Versions as the programs say them, for the rig's description. */
export async function versionsOf(tools: Tools): Promise<Record<string, string>> {
  const envoySays = await run(tools.envoy, ['--version'])
  const [nginxSays] = await Promise.all([run('sh', ['-c', `${tools.nginx} -v 2>&1`])])
  const goModule = await readFile(join(import.meta.dirname, 'opa/go.mod'), 'utf8')
  return {
    node: process.version,
    envoy: /version: \S*?\/(\d+\.\d+\.\d+)/.exec(envoySays)?.[1] ?? 'unknown',
    nginx: /nginx\/(\S+)/.exec(nginxSays)?.[1] ?? 'unknown',
    oha: ohaVersion,
    opa: /open-policy-agent\/opa v(\S+)/.exec(goModule)?.[1] ?? 'unknown',
  }
}
