import { group, version } from '../../core/api/kind.ts'
import { type BenchClient, numbered } from './clients.ts'
import { holdersOf, namespace, type PolicySize, serviceName, templateOf } from './size.ts'

/** The policy as its owners write it. */
export function manifestsOf(size: PolicySize, clients: readonly BenchClient[]): object[] {
  const rules = Array.from({ length: size.rules }, (_, rule) => rule)
  const callers = 'callers'
  return [
    manifest('GuardedService', namespace, serviceName, { targetRef: { name: serviceName, port: 80 } }),
    ...clients.map(({ name, clientId }) => manifest('ApiClient', callers, name, { clientId })),
    ...clients.map(({ name, publicKey }) => manifest('AccessKey', callers, name, { clientRef: { name }, publicKey })),
    ...rules.map(rule =>
      manifest('Role', namespace, numbered('role', rule), {
        rules: [{ services: [serviceName], methods: ['GET'], paths: [templateOf(rule)] }],
      }),
    ),
    ...rules.map(rule =>
      manifest('AccessGrant', namespace, numbered('grant', rule), {
        roleRef: { name: numbered('role', rule) },
        clients: holdersOf(rule, size).map(number => ({ namespace: callers, name: numbered('caller', number) })),
      }),
    ),
  ]
}

function manifest(kind: string, namespace: string, name: string, spec: object): object {
  return { apiVersion: `${group}/${version}`, kind, metadata: { name, namespace }, spec }
}
