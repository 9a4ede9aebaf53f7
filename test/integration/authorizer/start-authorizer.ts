import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthority, createServerCertificate } from '../../../platform/x509.ts'
import { repositoryRoot } from '../../cluster/binaries.ts'
import { accessYaml } from '../../guard/access-manifests.ts'
import { issuer } from '../../guard/policy-rows.ts'
import { createClientCertificate } from '../../unit/authorizer/client-certificate.ts'

/** Name by which the examples know the authorizer; its certificate has it. */
export const authorizerName = 'latchkey-authorizer.latchkey-system.svc'
export const examples = join(repositoryRoot, 'examples/authorizer')

/** The authorizer as a process of its own, with everything a proxy needs to ask it. */
export interface TestAuthorizer {
  readonly folder: string
  readonly auditFile: string
  readonly ports: { readonly http: number; readonly grpc: number }
  readonly process: ChildProcess
  /** Ends it; what asks it then gets no answer. */
  stop(): Promise<void>
  remove(): Promise<void>
}

/** Starts `latchkey authorizer` with the peers of examples/authorizer. */
export async function startTestAuthorizer(manifests = accessYaml()): Promise<TestAuthorizer> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-authorizer-'))
  await writeFiles(folder, manifests)
  const auditFile = join(folder, 'audit.log')
  const child = spawn(process.execPath, [
    join(repositoryRoot, 'cli/latchkey.ts'),
    'authorizer',
    ...['--manifests', join(folder, 'access'), '--peers', join(folder, 'peers.yaml'), '--issuer', issuer],
    ...['--listen', '127.0.0.1:0', '--grpc-listen', '127.0.0.1:0', '--audit', auditFile],
    ...['--tls-cert', join(folder, 'server.crt'), '--tls-key', join(folder, 'server.key')],
    ...['--peer-ca', join(folder, 'peer-ca.crt')],
  ])
  let said = ''
  const ports = await new Promise<TestAuthorizer['ports']>((resolve, reject) => {
    child.stderr.on('data', text => {
      said += text
      const [, http, grpc] = /"http":(\d+),"grpc":(\d+)/.exec(said) ?? []
      if (http !== undefined) resolve({ http: Number(http), grpc: Number(grpc) })
    })
    child.on('exit', () => reject(new Error(said)))
  })
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return {
    folder,
    auditFile,
    ports,
    process: child,
    stop,
    async remove() {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Certificates and secrets of the authorizer and its peers, with the policy. */
export async function writeFiles(folder: string, manifests: string): Promise<void> {
  const now = new Date()
  const authority = await createAuthority({ commonName: 'test', now, lifetimeMs: 86_400_000 })
  const server = await createServerCertificate({
    authority,
    hosts: [authorizerName, '127.0.0.1'],
    now,
    lifetimeMs: 86_400_000,
  })
  const [envoy, traefik] = await Promise.all(
    ['envoy.edge.svc', 'traefik.edge.svc'].map(value => createClientCertificate([{ type: 'dns', value }])),
  )
  const files = {
    'access/access.yaml': manifests,
    'ca.crt': authority.certificate,
    'server.crt': server.certificate,
    'server.key': server.privateKey,
    'envoy.crt': envoy?.certificate ?? '',
    'envoy.key': envoy?.privateKey ?? '',
    'traefik.crt': traefik?.certificate ?? '',
    'traefik.key': traefik?.privateKey ?? '',
    'peer-ca.crt': `${envoy?.certificate}\n${traefik?.certificate}\n`,
    'nginx.secret': `${'n'.repeat(40)}\n`,
    'haproxy.secret': `${'h'.repeat(40)}\n`,
  }
  await cp(join(examples, 'peers.yaml'), join(folder, 'peers.yaml'))
  await mkdir(join(folder, 'access'))
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content, { mode: 0o600 })
}
