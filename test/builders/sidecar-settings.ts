import { join } from 'node:path'

/** Where a sidecar gets its policy. Certificate and token lie in its own folder where nothing else is said. */
interface PolicyFrom {
  readonly url: string
  readonly caFile?: string
  readonly tokenFile?: string
}

/** The settings of a sidecar whose files lie in one folder, with ports that the system chooses. */
export function sidecarSettings(
  folder: string,
  { service, appPort, issuer }: { service: string; appPort: number; issuer: PolicyFrom },
): Record<string, string> {
  return {
    LATCHKEY_SERVICE: service,
    LATCHKEY_UPSTREAM: `http://127.0.0.1:${appPort}`,
    LATCHKEY_LISTEN: '127.0.0.1:0',
    LATCHKEY_ADMIN_LISTEN: '127.0.0.1:0',
    LATCHKEY_SNAPSHOT_URL: issuer.url,
    LATCHKEY_CA_FILE: issuer.caFile ?? join(folder, 'ca.crt'),
    LATCHKEY_TOKEN_FILE: issuer.tokenFile ?? join(folder, 'token'),
    LATCHKEY_SNAPSHOT_FILE: join(folder, 'snapshot.json'),
    LATCHKEY_AUDIT: join(folder, 'audit.log'),
    LATCHKEY_DRAIN_GRACE: '0s',
  }
}
