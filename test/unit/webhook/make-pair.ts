import { createAuthority, createServerCertificate } from '../../../platform/x509.ts'

/** A certificate for 127.0.0.1, good for a day, and the authority that signed it. */
export async function makePair(): Promise<{ cert: string; key: string; ca: string }> {
  const about = { now: new Date(), lifetimeMs: 86_400_000 }
  const authority = await createAuthority({ commonName: 'test', ...about })
  const issued = await createServerCertificate({ authority, hosts: ['127.0.0.1'], ...about })
  return { cert: issued.certificate, key: issued.privateKey, ca: authority.certificate }
}
