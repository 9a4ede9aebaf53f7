import { z } from 'zod'
import { credentialKinds, defaultCredentialKinds } from '../base/credential-kinds.ts'
import { apiKeyPlace, keyPlaceRule } from './api-key-place.ts'
import { guardedServiceConditions } from './guarded-service-conditions.ts'
import { type ApiObject, ageColumn, enforcedColumn, type KindDefinition, readyColumn, reasonColumn } from './kind.ts'
import { action } from './role.ts'
import { routeTags } from './route-tags.ts'
import { described, duration, isDuration, label, method, pathTemplate, statusBase, subdomain } from './schema.ts'
import { serviceOauth } from './service-oauth.ts'
import { worded } from './worded.ts'

const targetRef = z.strictObject({
  group: described(z.enum(['']), 'API group of the target: empty, the core group.').default(''),
  kind: described(z.enum(['Service']), 'Kind of the target.').default('Service'),
  name: described(label(), 'Name of the Service, in the same namespace.'),
  port: described(
    z.union([z.int().min(1).max(65535), z.string().min(1).max(15)]),
    'Number or name of the Service port.',
    {
      'x-kubernetes-int-or-string': true,
    },
  ),
})

const routePermission = z.strictObject({
  action: described(action(), 'What is done, for example read.'),
  resource: described(
    z
      .string()
      .min(1)
      .max(256)
      .regex(
        /^([A-Za-z0-9._~:@-]+|\{[A-Za-z][A-Za-z0-9_]{0,31}\})(\/([A-Za-z0-9._~:@-]+|\{[A-Za-z][A-Za-z0-9_]{0,31}\}))*$/,
      ),
    'To what: segments; `{name}` takes the value from the path.',
  ),
})

const route = z.strictObject({
  name: described(label(), 'Name of the route, for logs and messages.'),
  path: described(pathTemplate(), 'Path template.'),
  methods: described(z.array(method()).min(1).max(8), 'Methods. GET includes HEAD.', {
    'x-kubernetes-list-type': 'set',
  }),
  permission: described(routePermission, 'What a permission rule must allow. Without it, a path rule must.').optional(),
  tags: described(
    routeTags(),
    'What calls of the route are about: a map of texts, 16 at most, as in {kind: orders, tenant: "{tenant}"}; `{name}` takes the value from the path. In this release they are notes for people: nothing is decided by them, and no audit line or metric holds them. A list of words, as release 0.1.0 took it, is read as words without a value, in this release only.',
    { 'x-kubernetes-preserve-unknown-fields': true },
  ).optional(),
  variants: described(
    z.enum(['Refuse', 'Distinct']),
    'Distinct: the app itself tells apart upper and lower case and a trailing slash, so paths that differ only so are not refused as ambiguous.',
  ).default('Refuse'),
  mode: described(
    z.enum(['Enforce', 'Audit']),
    'Audit lets calls of this route through and logs what would have been denied. Default: spec.mode.',
  ).optional(),
})

const openapi = z.strictObject({
  configMapRef: described(
    z.strictObject({
      name: described(subdomain(), 'Name of the ConfigMap, in the same namespace.'),
      key: described(z.string().min(1).max(253), 'Key of the document.').default('openapi.yaml'),
    }),
    'ConfigMap that holds an OpenAPI 3 document, as YAML or JSON.',
  ),
})

const publicPath = z.strictObject({
  path: described(pathTemplate(), 'Path template.'),
  methods: described(z.array(method()).min(1).max(8), 'Methods.', { 'x-kubernetes-list-type': 'set' }).default([
    'GET',
    'HEAD',
  ]),
})

const spec = described(
  z.strictObject({
    targetRef: described(targetRef, 'What is protected. One GuardedService per Service port; the oldest holds.'),
    audience: described(
      worded(
        z
          .string()
          .min(9)
          .max(255)
          .regex(/^https:\/\/[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?(\/[A-Za-z0-9._~/-]*)?$/),
        'an audience is an https URL with a host in lower case, without query and fragment: https://orders.example.org',
      ),
      '`aud` that tokens for this service carry. Default: https://<name>.<namespace>.svc. Unique in the installation.',
    ).optional(),
    routes: described(
      z.array(route).min(1).max(256),
      'The operations of the API. The most specific one that matches decides.',
      {
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      },
    ).optional(),
    openapi: described(
      openapi,
      'Routes from an OpenAPI document: operations become routes, security scopes become permissions.',
    ).optional(),
    public: described(z.array(publicPath).min(1).max(64), 'What needs no credential.', {
      'x-kubernetes-list-type': 'atomic',
    }).optional(),
    accepts: described(
      z.array(z.enum(credentialKinds)).min(1).max(credentialKinds.length),
      'Kinds of credential that are taken.',
      { 'x-kubernetes-list-type': 'set' },
    ).default([...defaultCredentialKinds]),
    apiKey: described(
      apiKeyPlace,
      'Where API keys stand, beside Authorization: Basic, in which they are the user and the password.',
    ).optional(),
    mode: described(
      z.enum(['Enforce', 'Audit']),
      'Audit lets every call through and logs what would have been denied.',
    ).default('Enforce'),
    maxStaleness: described(
      duration(),
      'How old the policy of a guard without connection may become before it denies.',
    ).default('24h'),
    directAccess: described(
      z.enum(['Refuse', 'Report']),
      'What happens when the app listens beyond loopback, where callers could go around the guard: keep the pod not ready, or say so.',
    ).default('Refuse'),
    networkPolicy: described(
      z.enum(['None', 'Generate']),
      "Generate: the operator keeps a NetworkPolicy named latchkey-<name> that lets only the guard's two ports, and those of the pod annotation latchkey.dev/open-ports, into the pods behind the Service.",
    ).default('None'),
    keepCredential: described(
      z.enum(['Never', 'Jwt']),
      'Whether the app receives the Authorization header. Jwt keeps signed tokens, never secrets.',
    ).default('Never'),
    oauth: serviceOauth.optional(),
  }),
  'A protected API.',
  {
    'x-kubernetes-validations': [
      { rule: '!(has(self.routes) && has(self.openapi))', message: 'set routes or openapi, not both' },
      keyPlaceRule,
      {
        rule: `!${isDuration('maxStaleness')} || duration(self.maxStaleness) >= duration('1m') && duration(self.maxStaleness) <= duration('720h')`,
        message: 'maxStaleness must be between 1m and 720h',
        fieldPath: '.maxStaleness',
      },
    ],
  },
)

const status = z.strictObject({
  ...statusBase,
  audience: described(
    z.string().max(255),
    'The audience that this service holds, also while something else keeps it from being accepted.',
  ).optional(),
  refusedAudience: described(
    z.string().max(255),
    'An audience that a GuardedService of another namespace held when this generation was looked at. This generation does not get it.',
  ).optional(),
  guards: described(z.string().max(32), 'Guards that hold the current revision, of all that should: 3/3.').optional(),
  lacking: described(
    z.string().max(256),
    'Pods that are not counted among the guards that hold the current revision, by what they lack: 2 NotConnected, 1 Behind. Absent while none lacks anything.',
  ).optional(),
  guardVersions: described(
    z.string().max(512),
    'Releases of the guards, the newest first, and how many are of each earlier one: 0.2.0, 0.1.0 (2).',
  ).optional(),
  revision: described(z.string().max(64), 'Revision of the snapshot.').optional(),
  wouldDeny: described(
    z.int().min(0),
    'Calls that audit mode let through and Enforce would deny, counted by the guards of the pods there are now; a guard keeps its count over restarts.',
  ).optional(),
})

export type GuardedServiceSpec = z.input<typeof spec>
export type GuardedServiceStatus = z.infer<typeof status>
export type GuardedService = ApiObject<GuardedServiceSpec, GuardedServiceStatus>

export const guardedService: KindDefinition = {
  kind: 'GuardedService',
  plural: 'guardedservices',
  singular: 'guardedservice',
  shortNames: ['gsvc'],
  description: 'A GuardedService is a protected API: a port of a Service whose every call a guard decides.',
  spec,
  status,
  selectable: ['.spec.audience'],
  columns: [
    { name: 'Target', type: 'string', jsonPath: '.spec.targetRef.name', description: 'The Service.' },
    { name: 'Mode', type: 'string', jsonPath: '.spec.mode', description: 'Enforce or Audit.' },
    { name: 'Guards', type: 'string', jsonPath: '.status.guards', description: 'Guards up to date, of all.' },
    { ...enforcedColumn, description: 'Whether every call meets a guard with the policy.', priority: 0 },
    readyColumn,
    reasonColumn,
    ageColumn,
    { name: 'Audience', type: 'string', jsonPath: '.status.audience', description: 'Audience in force.', priority: 1 },
    {
      name: 'Revision',
      type: 'string',
      jsonPath: '.status.revision',
      description: 'Revision of the policy.',
      priority: 1,
    },
    {
      name: 'Lacking',
      type: 'string',
      jsonPath: '.status.lacking',
      description: 'Pods whose guard does not hold the current revision, by what they lack.',
      priority: 1,
    },
    {
      name: 'Guard-Versions',
      type: 'string',
      jsonPath: '.status.guardVersions',
      description: 'Releases of the guards, the newest first.',
      priority: 1,
    },
    {
      name: 'Would-Deny',
      type: 'integer',
      jsonPath: '.status.wouldDeny',
      description: 'Calls Enforce would deny.',
      priority: 1,
    },
  ],
  conditions: guardedServiceConditions,
}
