import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './command.ts'

export type Pair = { certFile: string; keyFile: string }
/** `names` are host names and addresses a server answers to; without them the certificate is a client's. */
export type Identity = { user: string; groups?: string[]; names?: string[] }

const days = '3650'
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']

export function pairIn(directory: string, name: string): Pair {
  return { certFile: join(directory, `${name}.crt`), keyFile: join(directory, `${name}.key`) }
}

/** Makes `ca.crt`, `ca.key` and the service account key `service-account.key` in the directory. */
export async function makeAuthority(directory: string): Promise<void> {
  const authority = pairIn(directory, 'ca')
  const subject = ['-subj', '/CN=latchkey-test-cluster']
  const files = ['-keyout', authority.keyFile, '-out', authority.certFile]
  await Promise.all([
    run('openssl', ['req', '-x509', ...newKey, '-days', days, ...subject, ...files]),
    run('openssl', ['genpkey', '-algorithm', 'RSA', '-out', join(directory, 'service-account.key')]),
  ])
}

/** Signs `<name>.crt` for the identity with the directory's authority; an existing one is kept. */
export async function makeCertificate(directory: string, name: string, identity: Identity): Promise<Pair> {
  const pair = pairIn(directory, name)
  if (existsSync(pair.certFile)) return pair
  const authority = pairIn(directory, 'ca')
  const escaped = (value: string) => value.replace(/[\\/+=]/g, '\\$&')
  const subject = `/CN=${escaped(identity.user)}${(identity.groups ?? []).map(group => `/O=${escaped(group)}`).join('')}`
  const extensions = ['-addext', 'basicConstraints=critical,CA:FALSE']
  extensions.push('-addext', `extendedKeyUsage=clientAuth${identity.names ? ',serverAuth' : ''}`)
  if (identity.names) {
    const names = identity.names.map(value => `${/^[\d.]+$/.test(value) ? 'IP' : 'DNS'}:${value}`)
    extensions.push('-addext', `subjectAltName=${names.join(',')}`)
  }
  const signing = ['-CA', authority.certFile, '-CAkey', authority.keyFile, '-days', days]
  const files = ['-keyout', pair.keyFile, '-out', pair.certFile]
  await run('openssl', ['req', '-x509', '-utf8', ...newKey, '-subj', subject, ...extensions, ...signing, ...files])
  return pair
}

/** Writes a kubeconfig, certificates inlined, that only the owner may read. */
export async function writeKubeconfig(
  path: string,
  server: { url: string; caFile: string },
  pair: Pair,
): Promise<string> {
  const [ca, certificate, key] = await Promise.all(
    [server.caFile, pair.certFile, pair.keyFile].map(file => readFile(file, 'base64')),
  )
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'latchkey', cluster: { server: server.url, 'certificate-authority-data': ca } }],
    users: [{ name: 'latchkey', user: { 'client-certificate-data': certificate, 'client-key-data': key } }],
    contexts: [{ name: 'latchkey', context: { cluster: 'latchkey', user: 'latchkey' } }],
    'current-context': 'latchkey',
  }
  await writeFile(path, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 })
  return path
}
