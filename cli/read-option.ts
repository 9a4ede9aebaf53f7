import { InvalidArgumentError } from 'commander'

const reference = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/

/** @throws InvalidArgumentError unless it is `namespace/name` */
export function readReference(given: string): string {
  if (!reference.test(given)) throw new InvalidArgumentError('Expected namespace/name.')
  return given
}

/** A derived id, or a chosen one, which begins with its namespace. A word alone is a name without its namespace. */
const clientId = /^(?:sc_[a-z0-9]{1,124}|[a-z0-9][a-z0-9_-]*\.[a-z0-9._-]+)$/

/** @throws InvalidArgumentError unless it is `namespace/name` or a client id */
export function readClient(given: string): string {
  if (!reference.test(given) && !clientId.test(given))
    throw new InvalidArgumentError('Expected namespace/name, or a client id (sc_… or namespace.label).')
  return given
}

/** Issuer URL of the chart's default release: client ids of manifests do not depend on it, their issuers do. */
export function issuerOfInstallation(installation: string): string {
  return `https://latchkey-issuer.latchkey-system.svc/${installation}`
}
