import { createAuthority, createServerCertificate, type IssuedCertificate } from '../../../platform/x509.ts'

const dayMs = 86_400_000

/** A certificate for 127.0.0.1, good for a day, and the authority that signed it. */
export async function makePair(): Promise<{ cert: string; key: string; ca: string; authority: IssuedCertificate }> {
  const authority = await createAuthority({ commonName: 'test', now: new Date(), lifetimeMs: dayMs })
  return { ...(await certified(authority)), ca: authority.certificate, authority }
}

/** A certificate of an authority, good for a day from this moment. */
export async function certified(
  authority: IssuedCertificate,
  now = new Date(),
): Promise<{ cert: string; key: string }> {
  const issued = await createServerCertificate({ authority, hosts: ['127.0.0.1'], now, lifetimeMs: dayMs })
  return { cert: issued.certificate, key: issued.privateKey }
}
