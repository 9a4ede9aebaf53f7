import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ClientJwk, SignatureAlgorithm } from '../../../sdk/private-key.ts'
import { makeKey } from '../../strangers/local-issuer.ts'

/** What the Secret of an AccessKey holds. */
export function clientJwk(algorithm: SignatureAlgorithm = 'Ed25519', clientId = 'sc_test'): ClientJwk {
  const issuer = `https://issuer.example/default/v1/clients/${clientId}`
  return { ...makeKey(algorithm).secret, client_id: clientId, issuer }
}

/** A directory that changes as the kubelet changes a mounted Secret: all files at once, by moving `..data`. */
export interface MountedSecret {
  readonly directory: string
  replace(files: Record<string, string>): void
  remove(): void
}

export function mountSecret(files: Record<string, string>): MountedSecret {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-secret-'))
  let number = 0
  let names: string[] = []
  const replace = (next: Record<string, string>) => {
    const data = `..data_${number++}`
    mkdirSync(join(directory, data))
    for (const [name, text] of Object.entries(next)) writeFileSync(join(directory, data, name), text)
    symlinkSync(data, join(directory, '..data_tmp'))
    renameSync(join(directory, '..data_tmp'), join(directory, '..data'))
    for (const name of Object.keys(next)) {
      if (!names.includes(name)) symlinkSync(join('..data', name), join(directory, name))
    }
    for (const name of names) if (!(name in next)) unlinkSync(join(directory, name))
    names = Object.keys(next)
    if (number > 1) rmSync(join(directory, `..data_${number - 2}`), { recursive: true })
  }
  replace(files)
  return { directory, replace, remove: () => rmSync(directory, { recursive: true, force: true }) }
}

/** Header and claims of a token. */
export function decode(token: string): { header: Record<string, unknown>; claims: Record<string, unknown> } {
  const [header, claims] = token.split('.').map(part => Buffer.from(part, 'base64url').toString('utf8'))
  return { header: JSON.parse(header ?? ''), claims: JSON.parse(claims ?? '') }
}
