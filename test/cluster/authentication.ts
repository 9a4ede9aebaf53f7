import { writeFile } from 'node:fs/promises'
import { noAuthenticators } from './api-server.ts'
import { dockerAnswers, kindAuthenticationConfigPath } from './kind.ts'
import { authenticationConfigPath } from './real-cluster.ts'

/**
 * Tells the running cluster's API server whose tokens to take; it reads the file again by itself, within a second.
 * It asks the issuer for its keys with the machine's DNS, not the cluster's: `discoveryURL` has to name an address.
 * @param config an AuthenticationConfiguration; without it, nobody's
 */
export async function writeAuthenticationConfig(config = noAuthenticators): Promise<void> {
  await writeFile((await dockerAnswers()) ? kindAuthenticationConfigPath : authenticationConfigPath, config)
}
