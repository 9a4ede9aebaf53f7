import { InvalidArgumentError } from 'commander'

const reference = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/

/** @throws InvalidArgumentError unless it is `namespace/name` */
export function readReference(given: string): string {
  if (!reference.test(given)) throw new InvalidArgumentError('Expected namespace/name.')
  return given
}

const clientId = /^[a-z0-9][a-z0-9._-]{1,126}$/

/** @throws InvalidArgumentError unless it is `namespace/name` or a client id */
export function readClient(given: string): string {
  if (!reference.test(given) && !clientId.test(given))
    throw new InvalidArgumentError('Expected namespace/name, or a client id.')
  return given
}

/** Issuer URL of the chart's default release: client ids of manifests do not depend on it, their issuers do. */
export function issuerOfInstallation(installation: string): string {
  return `https://latchkey-issuer.latchkey-system.svc/${installation}`
}
