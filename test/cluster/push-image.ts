import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run } from './command.ts'
import { archiveOf, buildah, buildLatchkeyImage } from './image.ts'
import { dockerAnswers } from './kind.ts'
import { runScript, step } from './progress.ts'

/**
 * Pushes a built image to a registry under `<registry>/latchkey:<tag>`.
 * @param registry host, and a path if there is one, such as `registry.example.com/platform`
 * @returns the reference by digest, which is what the chart is given
 */
async function pushImage(reference: string, registry: string): Promise<string> {
  const tag = reference.slice(reference.lastIndexOf(':') + 1)
  const name = `${registry.replace(/\/+$/, '')}/latchkey`
  const digest = (await dockerAnswers())
    ? await pushWithDocker(reference, `${name}:${tag}`)
    : await pushWithBuildah(reference, `${name}:${tag}`)
  return `${name}@${digest}`
}

async function pushWithDocker(reference: string, target: string): Promise<string> {
  await run('docker', ['tag', reference, target])
  await run('docker', ['push', '--quiet', target])
  const digests = await run('docker', ['image', 'inspect', '--format', '{{join .RepoDigests "\\n"}}', target])
  const repository = target.slice(0, target.lastIndexOf(':'))
  const found = digests.split('\n').find(line => line.startsWith(`${repository}@`))
  if (found === undefined) throw new Error(`docker does not know the digest of ${target}`)
  return found.slice(repository.length + 1).trim()
}

async function pushWithBuildah(reference: string, target: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-push-'))
  const file = join(directory, 'digest')
  // A registry on this machine is asked without TLS, as Docker does.
  const plain = /^(localhost|127\.\d+\.\d+\.\d+)[:/]/.test(target) ? ['--tls-verify=false'] : []
  try {
    const stored = (await buildah(['pull', '--quiet', `oci-archive:${archiveOf(reference)}`])).trim()
    try {
      await buildah(['push', '--quiet', ...plain, '--digestfile', file, stored, `docker://${target}`])
    } finally {
      await buildah(['rmi', '--force', stored])
    }
    return (await readFile(file, 'utf8')).trim()
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

await runScript(async () => {
  const { REGISTRY: registry } = process.env
  if (!registry) {
    throw new Error('REGISTRY: name where to push to, such as make image-push REGISTRY=registry.example.com/platform')
  }
  const { reference } = await buildLatchkeyImage()
  const pushed = await step(`push to ${registry}`, () => pushImage(reference, registry))
  process.stdout.write(`image.reference=${pushed}\n`)
})
