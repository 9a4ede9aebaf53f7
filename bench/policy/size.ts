import type { Row } from '../../core/rows/rows.ts'
import { audience, type BenchClient, benchClient, numbered, service } from './clients.ts'

/**
 * A policy of so many clients and so many rules: rule r allows GET on `/api/resource-r/{id}`, and client c has rule
 * c modulo the number of rules. The same in the forms of Latchkey, of Envoy and of OPA.
 */
export interface PolicySize {
  readonly clients: number
  readonly rules: number
}

export const [namespace = '', serviceName = ''] = service.split('/')

/** The rule that client `number` has. */
export function ruleOf(number: number, { rules }: PolicySize): number {
  return number % rules
}

/** What clients with this rule may call; the last segment chooses the origin's answer. */
export function pathOf(rule: number, body = '100b'): string {
  return `/api/${numbered('resource', rule)}/${body}`
}

export function templateOf(rule: number): string {
  return `/api/${numbered('resource', rule)}/{id}`
}

/** Numbers of the clients that have a rule. */
export function holdersOf(rule: number, { clients, rules }: PolicySize): number[] {
  const count = Math.max(0, Math.ceil((clients - rule) / rules))
  return Array.from({ length: count }, (_, at) => rule + at * rules)
}

/** All clients with their keys; 100,000 take some seconds. */
export function clientsOf({ clients }: PolicySize): BenchClient[] {
  return Array.from({ length: clients }, (_, number) => benchClient(number))
}

/** The policy as a guard receives it. @param now seconds since epoch */
export function rowsOf(size: PolicySize, clients: readonly BenchClient[], now: number): Row[] {
  const rules = Array.from({ length: size.rules }, (_, rule) => rule)
  return [
    {
      type: 'service',
      namespace,
      name: serviceName,
      audience,
      accepts: ['ClientToken', 'ServiceAccountToken'],
      public: [],
      routes: [],
      mode: 'Enforce',
      maxStalenessSeconds: 86_400,
      // Other programs of this machine listen where they like.
      directAccess: 'Report',
      keepCredential: 'Never',
    },
    ...rules.map(
      (rule): Row => ({
        type: 'role',
        name: numbered('role', rule),
        rules: [{ index: 0, methods: ['GET'], paths: [templateOf(rule)] }],
      }),
    ),
    ...rules.map(
      (rule): Row => ({
        type: 'grant',
        name: numbered('grant', rule),
        role: numbered('role', rule),
        clients: holdersOf(rule, size).map(number => clients[number]?.clientId ?? ''),
      }),
    ),
    ...clients.map(client => clientRow(client, now - 86_400)),
  ]
}

/** @param since seconds since epoch */
function clientRow({ name, clientId, issuer, kid, publicKey }: BenchClient, since: number): Row {
  const key = { kid, accessKey: name, algorithm: 'Ed25519' as const, publicKey, notBefore: since }
  return {
    type: 'client',
    clientId,
    namespace: 'callers',
    name,
    issuer,
    createdAt: since,
    suspended: false,
    keys: [key],
  }
}
