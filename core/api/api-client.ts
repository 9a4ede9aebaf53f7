import { z } from 'zod'
import {
  type ApiObject,
  ageColumn,
  type KindDefinition,
  pausedReasons,
  readyColumn,
  reasonColumn,
  repeated,
} from './kind.ts'
import { described, statusBase, subdomain, text } from './schema.ts'
import { worded } from './worded.ts'

const owner = z.strictObject({
  user: described(text(253), 'User name of the owner.').optional(),
  group: described(text(253), 'Group that owns the client.').optional(),
  email: described(
    z
      .string()
      .max(254)
      .regex(/^[^\s@<>",;]{1,64}@[A-Za-z0-9.-]{1,189}$/),
    'Address for mail about this client.',
  ).optional(),
})

export const mostIdentities = 1_000
// A default in the schema would stand in every stored object, and operators of the release before would refuse it.
const identityRose = '(has(self.identity) ? self.identity : 1) >= (has(oldSelf.identity) ? oldSelf.identity : 1)'
/** In CEL, by name: who reads files without an API server checks the same. */
export const oneIdentityOfChosen = '!has(self.clientId) || !has(self.identity) || self.identity == 1'

const fields = described(
  z.strictObject({
    displayName: described(text(128), 'Name shown to people.').optional(),
    owner: described(owner, 'Who is responsible. Information and mail only, never an authority.').optional(),
    type: described(
      z.enum(['Workload', 'Partner', 'Personal']),
      'What kind of caller this is. Keys of Personal clients must expire.',
    ).default('Workload'),
    organization: described(text(63), 'Organization of the caller. Information only.').optional(),
    clientId: described(
      worded(
        z
          .string()
          .min(3)
          .max(127)
          .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?\.[a-z0-9]([-a-z0-9._]*[a-z0-9])?$/),
        'a chosen client id is the namespace, a dot and a label, in lower case: shop.checkout',
      ),
      'A chosen client id: <namespace>.<label>. Immutable. Left out, it is derived from the installation, the namespace and the name.',
    ).optional(),
    identity: described(
      z.int().min(1).max(mostIdentities),
      'Raise it by one when the client was compromised: another client id, new keys, and grants that have to be written again. It never goes down. Default: 1.',
    ).optional(),
    serviceAccounts: described(
      z.array(z.strictObject({ name: described(subdomain(), 'Name of the ServiceAccount.') })).max(16),
      'Service accounts of this namespace whose projected tokens are this client. One client per service account; the oldest holds.',
      { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
    ).optional(),
    suspended: described(z.boolean(), 'While true, every credential of this client is refused.').default(false),
  }),
  'Who calls.',
  {
    'x-kubernetes-validations': [
      {
        rule: 'has(oldSelf.clientId) == has(self.clientId) && (!has(self.clientId) || self.clientId == oldSelf.clientId)',
        message: 'clientId is immutable: create another ApiClient to use another client id',
      },
      {
        rule: identityRose,
        message: 'identity only goes up: the one before was given up for good',
        fieldPath: '.identity',
      },
      {
        rule: oneIdentityOfChosen,
        message:
          'a chosen clientId cannot get another identity: leave identity out, and for a new one create another ApiClient',
        fieldPath: '.identity',
      },
    ],
  },
)

/** All of it is optional, and it is never absent: policies and transition rules read it. */
const spec = fields.prefault({})

const status = z.strictObject({
  ...statusBase,
  clientId: described(z.string().max(127), 'The client id in force.').optional(),
  identity: described(z.int().min(1), 'Which of its identities the client id is of.').optional(),
  issuer: described(
    z.string().max(512),
    'Issuer URL of this client: `iss` of its tokens, base of its JWKS.',
  ).optional(),
  state: described(z.enum(['Active', 'Suspended', 'Refused']), 'What the client can do now.').optional(),
  keys: described(z.int().min(0), 'Keys that can be used now.').optional(),
})

export type ApiClientSpec = z.input<typeof fields>
export type ApiClientStatus = z.infer<typeof status>
export type ApiClient = ApiObject<ApiClientSpec, ApiClientStatus>

const acceptedReasons = {
  Accepted: 'The client is understood and holds its client id.',
  ClientIdTaken: 'An older ApiClient holds this client id. Choose another one in a new ApiClient.',
  ClientIdNotAllowed: 'A chosen client id starts with its namespace, unless the installation lists it in clientIds.',
  ServiceAccountTaken: 'An older ApiClient of this namespace holds the service account. Remove it from one of the two.',
  Invalid: 'A field is wrong; the message names it.',
}

export const apiClient: KindDefinition = {
  kind: 'ApiClient',
  plural: 'apiclients',
  singular: 'apiclient',
  shortNames: ['lclient'],
  description: 'An ApiClient is a workload, partner or person that calls guarded services.',
  spec,
  status,
  columns: [
    { name: 'Type', type: 'string', jsonPath: '.spec.type', description: 'Kind of caller.' },
    { name: 'Client-Id', type: 'string', jsonPath: '.status.clientId', description: 'Client id in force.' },
    { name: 'Keys', type: 'integer', jsonPath: '.status.keys', description: 'Usable keys.' },
    { name: 'State', type: 'string', jsonPath: '.status.state', description: 'What the client can do.' },
    readyColumn,
    reasonColumn,
    ageColumn,
    {
      name: 'Identity',
      type: 'integer',
      jsonPath: '.status.identity',
      description: 'Which of its identities the client has.',
      priority: 1,
    },
  ],
  conditions: {
    Accepted: acceptedReasons,
    Ready: {
      Ready: 'The client is published.',
      Suspended: 'The client is suspended, and every guard knows or is being told.',
      ...repeated(acceptedReasons),
      ...pausedReasons,
    },
    Paused: pausedReasons,
  },
}
