import { existsSync } from 'node:fs'
import type { Environment, Options } from './frame/command.ts'
import { CommandError } from './frame/exit-codes.ts'

const reference = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/

/** @throws CommandError unless it is `namespace/name` */
export function readReference(given: string): string {
  if (!reference.test(given)) throw new CommandError('usage', 'Expected namespace/name.')
  return given
}

/** A derived id, or a chosen one, which begins with its namespace. A word alone is a name without its namespace. */
const clientId = /^(?:sc_[a-z0-9]{1,124}|[a-z0-9][a-z0-9_-]*\.[a-z0-9._-]+)$/

/** @throws CommandError unless it is `namespace/name` or a client id */
export function readClient(given: string): string {
  if (!reference.test(given) && !clientId.test(given))
    throw new CommandError('usage', 'Expected namespace/name, or a client id (sc_… or namespace.label).')
  return given
}

/** Issuer URL of the chart's default release: client ids of manifests do not depend on it, their issuers do. */
export function issuerOfInstallation(installation: string): string {
  return `https://latchkey-issuer.latchkey-system.svc/${installation}`
}

/** Where a command takes the policy from that it judges by. A guard's container says by itself which service and file. */
export const policyOptions = {
  service: {
    value: '<namespace/name>',
    what: 'GuardedService that is called; in the container of a guard its own',
    read: readReference,
    preset: env => env.LATCHKEY_SERVICE,
  },
  manifests: { value: '<dir>', what: 'the policy as YAML or JSON', excludes: ['snapshot'] },
  snapshot: {
    value: '<file>',
    what: 'the policy as a guard stores it; in its container found without',
    preset: snapshotOf,
  },
  installation: {
    value: '<id>',
    what: 'installation id that client ids are made from',
    preset: 'default',
    needs: ['manifests'],
  },
} as const satisfies Options

/** Where a guard's container keeps the policy. */
export function snapshotOf({ LATCHKEY_SNAPSHOT_FILE = '/var/lib/latchkey/snapshot.json' }: Environment): string {
  return LATCHKEY_SNAPSHOT_FILE
}

/** Outside of a guard's container there is no policy unless one is named. */
export function snapshotIfThere(env: Environment): string | undefined {
  const file = snapshotOf(env)
  return existsSync(file) ? file : undefined
}
