import 'reflect-metadata'
import { createPrivateKey, X509Certificate as NodeCertificate, webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'

/** PEM: certificate and PKCS#8 private key. */
export interface IssuedCertificate {
  certificate: string
  privateKey: string
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
// A verifier whose clock is a little behind must not refuse a fresh certificate.
const backdateMs = 5 * 60_000

/** Makes a self-signed P-256 authority that may sign leaf certificates only. */
export async function createAuthority(options: {
  commonName: string
  now: Date
  lifetimeMs: number
}): Promise<IssuedCertificate> {
  const keys = await generateKeys()
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(options.now, options.lifetimeMs),
    serialNumber: serialNumber(),
    name: [{ CN: [options.commonName] }],
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
    ],
  })
  return { certificate: pem(certificate), privateKey: await exportPrivateKey(keys.privateKey) }
}

/**
 * Makes a P-256 server certificate with a new key, signed by the authority.
 * @param options.hosts DNS names and IP addresses, at least one
 */
export async function createServerCertificate(options: {
  authority: IssuedCertificate
  hosts: readonly string[]
  now: Date
  lifetimeMs: number
}): Promise<IssuedCertificate> {
  const keys = await generateKeys()
  const authority = new X509Certificate(options.authority.certificate)
  const names = options.hosts.map(host => ({ type: isAddress(host) ? ('ip' as const) : ('dns' as const), value: host }))
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    // The subject is empty, so the names are what counts: RFC 5280 section 4.2.1.6 wants them critical then.
    new SubjectAlternativeNameExtension(names, true),
    await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
    await AuthorityKeyIdentifierExtension.create(authority, false, webcrypto),
  ]
  const certificate = await X509CertificateGenerator.create({
    ...validity(options.now, options.lifetimeMs),
    serialNumber: serialNumber(),
    subject: [],
    issuer: authority.subjectName.toJSON(),
    publicKey: keys.publicKey,
    signingKey: await importPrivateKey(options.authority.privateKey),
    signingAlgorithm: algorithm,
    extensions,
  })
  return { certificate: pem(certificate), privateKey: await exportPrivateKey(keys.privateKey) }
}

/** What is needed to decide whether a certificate still serves. */
export interface CertificateFacts {
  /** A little before it was made. */
  notBefore: Date
  madeAt: Date
  notAfter: Date
  hosts: string[]
  /** Whether the private key belongs to the certificate. */
  keyFits: boolean
  /** Whether the authority signed it. */
  signedBy(authority: string): boolean
}

/** @returns undefined when certificate or key cannot be read */
export function readCertificate(issued: { certificate: string; privateKey: string }): CertificateFacts | undefined {
  try {
    const certificate = new NodeCertificate(issued.certificate)
    return {
      notBefore: certificate.validFromDate,
      madeAt: new Date(certificate.validFromDate.getTime() + backdateMs),
      notAfter: certificate.validToDate,
      hosts: hostsOf(certificate.subjectAltName),
      keyFits: certificate.checkPrivateKey(createPrivateKey(issued.privateKey)),
      signedBy: authority => signedBy(certificate, authority),
    }
  } catch {
    return undefined
  }
}

/** The certificates of a PEM bundle, each once, without those that ended before `now` or cannot be read. */
export function liveCertificates(bundle: readonly string[], now: Date): string[] {
  const blocks = bundle.flatMap(
    part => part.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [],
  )
  const live = blocks.filter(block => {
    try {
      return new NodeCertificate(block).validToDate > now
    } catch {
      return false
    }
  })
  return [...new Set(live.map(block => `${block}\n`))]
}

function signedBy(certificate: NodeCertificate, authority: string): boolean {
  try {
    const issuer = new NodeCertificate(authority)
    return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
  } catch {
    return false
  }
}

/** Node prints `DNS:a, IP Address:1.2.3.4`. Our names hold neither comma nor quote. */
function hostsOf(names: string | undefined): string[] {
  return (names ?? '').split(', ').flatMap(name => {
    const host = /^(?:DNS|IP Address):(.+)$/.exec(name)?.[1]
    return host === undefined ? [] : [normalHost(host)]
  })
}

/** One spelling per host: lower case, and IPv6 addresses as RFC 5952 writes them. */
export function normalHost(host: string): string {
  const lower = host.toLowerCase()
  return lower.includes(':') && URL.canParse(`http://[${lower}]`)
    ? new URL(`http://[${lower}]`).hostname.slice(1, -1)
    : lower
}

function isAddress(host: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(host) || host.includes(':')
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function exportPrivateKey(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key))
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ type: 'pkcs8', format: 'pem' })
    .toString()
}

function importPrivateKey(privateKeyPem: string): Promise<CryptoKey> {
  const der = createPrivateKey(privateKeyPem).export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', new Uint8Array(der), algorithm, false, ['sign'])
}

/** RFC 5280 section 4.1.2.2: positive, at most 20 octets. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16))
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40
  return Buffer.from(bytes).toString('hex')
}

function validity(now: Date, lifetimeMs: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now.getTime() - backdateMs), notAfter: new Date(now.getTime() + lifetimeMs) }
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem').trim()}\n`
}
