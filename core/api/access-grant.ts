import { z } from 'zod'
import {
  type ApiObject,
  ageColumn,
  enforcedColumn,
  enforcedReasons,
  expiringReasons,
  type KindDefinition,
  lastUsedColumn,
  pausedReasons,
  readyColumn,
  reasonColumn,
  repeated,
} from './kind.ts'
import {
  attributeName,
  attributeNameRule,
  described,
  duration,
  isDuration,
  lastUsedAt,
  namespacedReference,
  objectReference,
  statusBase,
  time,
} from './schema.ts'

const spec = described(
  z.strictObject({
    roleRef: described(objectReference('Role'), 'The role that is given. Immutable.'),
    clients: described(z.array(namespacedReference('ApiClient')).min(1).max(256), 'Who gets it. No wildcards.', {
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['namespace', 'name'],
    }),
    attributes: described(
      z.record(attributeName(), z.string().max(256)),
      "What the service's owner says of these clients, for example tenant: acme.",
      {
        maxProperties: 16,
        'x-kubernetes-validations': [attributeNameRule],
      },
    ).optional(),
    actFor: described(
      z.enum(['None', 'Any', 'Listed']),
      'Whether these clients may name an actor. This release takes None.',
    ).default('None'),
    limit: described(
      z.strictObject({
        requests: described(
          z.int().min(1).max(100_000_000),
          'Calls of one client that pass by this grant within the time of `per`.',
        ),
        per: described(duration(), 'Any span of this length, from 1s to 24h.'),
      }),
      'How often each of these clients may call by this grant. Each guard counts for itself, and from nothing when it starts: of a service with three pods a client gets up to three times as much. Calls of public paths are not counted.',
      {
        'x-kubernetes-validations': [
          {
            rule: `!${isDuration('per')} || duration(self.per) >= duration('1s') && duration(self.per) <= duration('24h')`,
            message: 'per must be between 1s and 24h: guards count in memory, from nothing when they start',
            fieldPath: '.per',
          },
        ],
      },
    ).optional(),
    expiresAt: described(time(), 'When the grant ends.').optional(),
  }),
  'Gives a role of this namespace to clients.',
  {
    'x-kubernetes-validations': [
      {
        rule: 'self.roleRef == oldSelf.roleRef',
        message: 'roleRef is immutable: create another AccessGrant',
        fieldPath: '.roleRef',
      },
      {
        rule: "self.actFor == 'None'",
        message: 'actFor must be None: Any and Listed are not available in this release',
        fieldPath: '.actFor',
      },
    ],
  },
)

const grantedClient = z.strictObject({
  namespace: described(z.string().max(63), 'Namespace of the client.'),
  name: described(z.string().max(253), 'Name of the client.'),
  clientId: described(z.string().max(127), 'The client id this name meant when the grant was written.').optional(),
  namespaceUid: described(
    z.string().max(63),
    "Uid of the client's namespace then: one that was deleted and made anew is another, whatever its names.",
  ).optional(),
  state: described(z.enum(['Granted', 'NotFound', 'Refused', 'Replaced']), 'What this client has.'),
})

const status = z.strictObject({
  ...statusBase,
  lastUsedAt,
  state: described(
    z.enum(['Active', 'Pending', 'Expired', 'Refused']),
    'What the grant does now. Pending: none of its clients exists yet, or none was pinned before it was paused. Refused: it opens nothing.',
  ).optional(),
  clients: described(z.array(grantedClient).max(256), 'The clients, as pinned.', {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['namespace', 'name'],
  }).optional(),
})

export type AccessGrantSpec = z.input<typeof spec>
export type AccessGrantStatus = z.infer<typeof status>
export type GrantedClient = z.infer<typeof grantedClient>
export type AccessGrant = ApiObject<AccessGrantSpec, AccessGrantStatus>

const acceptedReasons = {
  Accepted: 'The role and every client are known.',
  RoleNotFound: 'No roles.latchkey.dev of that name in this namespace. Create it or correct spec.roleRef.name.',
  RoleRefused:
    'The role names a GuardedService that does not exist; the message says which, and whether the grant opens anything. See the conditions of the role.',
  ClientNotFound: 'Some clients do not exist yet; the message names them. They get the role when they appear.',
  ClientRefused: 'Some clients are not accepted themselves; the message names them. See their conditions.',
  ClientReplaced:
    'A name now means another client, or another identity of it. It has no access until this grant is deleted and created again, or its spec changes; to apply the same YAML changes nothing.',
  Invalid: 'A field is wrong; the message names it.',
}

export const accessGrant: KindDefinition = {
  kind: 'AccessGrant',
  plural: 'accessgrants',
  singular: 'accessgrant',
  shortNames: ['grant'],
  description: 'An AccessGrant gives a Role of its namespace to clients. It is the only thing that gives.',
  spec,
  status,
  columns: [
    { name: 'Role', type: 'string', jsonPath: '.spec.roleRef.name', description: 'Role that is given.' },
    { name: 'State', type: 'string', jsonPath: '.status.state', description: 'What the grant does.' },
    { name: 'Expires', type: 'string', jsonPath: '.spec.expiresAt', description: 'End of the grant.' },
    readyColumn,
    reasonColumn,
    ageColumn,
    {
      name: 'Requests',
      type: 'integer',
      jsonPath: '.spec.limit.requests',
      description: 'Calls of a client that pass within PER, at each guard.',
      priority: 1,
    },
    { name: 'Per', type: 'string', jsonPath: '.spec.limit.per', description: 'Time of the limit.', priority: 1 },
    lastUsedColumn,
    enforcedColumn,
  ],
  conditions: {
    Accepted: acceptedReasons,
    Ready: {
      Ready: 'The grant is published.',
      Expired: 'The grant has ended.',
      ...repeated(acceptedReasons),
      ...pausedReasons,
    },
    Paused: pausedReasons,
    Enforced: enforcedReasons,
    Expiring: expiringReasons('The grant ends within …: its clients have what it gives no more then.'),
  },
}
