import { z } from 'zod'
import {
  type ApiObject,
  ageColumn,
  enforcedColumn,
  enforcedReasons,
  type KindDefinition,
  lastUsedColumn,
  pausedReasons,
  readyColumn,
  reasonColumn,
  repeated,
} from './kind.ts'
import { attributeName, described, lastUsedAt, method, pathTemplate, statusBase, subdomain } from './schema.ts'
import { worded } from './worded.ts'

const parameter = () =>
  z
    .string()
    .min(1)
    .max(32)
    .regex(/^[A-Za-z][A-Za-z0-9_]*$/)
/** A resource template: segments without a leading slash, for example `orders/{id}` or `orders/**`. */
const resourceTemplate = () =>
  z
    .string()
    .min(1)
    .max(256)
    .regex(
      /^([A-Za-z0-9._~:@-]+|\{[A-Za-z][A-Za-z0-9_]{0,31}\}|\*)(\/([A-Za-z0-9._~:@-]+|\{[A-Za-z][A-Za-z0-9_]{0,31}\}|\*))*(\/\*\*)?$|^\*\*$/,
    )

export const action = () =>
  worded(
    z
      .string()
      .min(1)
      .max(64)
      .regex(/^[A-Za-z0-9._:-]+$/),
    'an action has letters, digits, dots, underscores, colons and dashes, as in read',
  )

const permission = z.strictObject({
  action: described(action(), 'What is done, exactly as the route names it.'),
  resources: described(z.array(resourceTemplate()).min(1).max(32), 'To what: templates of segments; `**` is all.', {
    'x-kubernetes-list-type': 'set',
  }),
})

const comparison = described(
  z.strictObject({
    attributeEquals: described(
      z.strictObject({
        param: described(parameter(), 'Name in the template: `tenant` for `{tenant}`.'),
        attribute: described(attributeName(), "Key in the grant's attributes."),
      }),
      "The template's value equals this attribute of the grant.",
    ).optional(),
    organizationEquals: described(
      z.strictObject({ param: described(parameter(), 'Name in the template.') }),
      "The template's value equals the label latchkey.dev/organization of the client's namespace.",
    ).optional(),
    scopeContains: described(
      z.strictObject({
        scope: described(
          z
            .string()
            .min(1)
            .max(128)
            .regex(/^[\x21\x23-\x5B\x5D-\x7E]+$/),
          'A scope token.',
        ),
      }),
      "The token's scope contains this one. Client tokens carry no scope.",
    ).optional(),
  }),
  'One comparison.',
  {
    'x-kubernetes-validations': [
      {
        rule: '[has(self.attributeEquals), has(self.organizationEquals), has(self.scopeContains)].filter(x, x).size() == 1',
        message: 'set exactly one of attributeEquals, organizationEquals and scopeContains',
      },
    ],
  },
)

const rule = described(
  z.strictObject({
    services: described(
      z.array(subdomain('name a GuardedService of this namespace; all at once cannot be named')).min(1).max(16),
      'GuardedServices of this namespace.',
      {
        'x-kubernetes-list-type': 'set',
      },
    ),
    methods: described(z.array(method()).min(1).max(8), 'Methods. GET includes HEAD.', {
      'x-kubernetes-list-type': 'set',
    }).optional(),
    paths: described(z.array(pathTemplate()).min(1).max(64), 'Path templates.', {
      'x-kubernetes-list-type': 'set',
    }).optional(),
    permissions: described(z.array(permission).min(1).max(64), 'Permissions, for routes that name one.', {
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['action'],
    }).optional(),
    when: described(z.array(comparison).min(1).max(8), 'All of these must hold.', {
      'x-kubernetes-list-type': 'atomic',
    }).optional(),
  }),
  'One rule. A request passes if any rule allows it.',
  {
    'x-kubernetes-validations': [
      {
        rule: 'has(self.permissions) ? !has(self.methods) && !has(self.paths) : has(self.methods) && has(self.paths)',
        message: 'a rule has either methods and paths, or permissions',
      },
    ],
  },
)

const spec = described(
  z.strictObject({
    rules: described(z.array(rule).min(1).max(64), 'What is allowed. There is no way to deny and no way to say all.', {
      'x-kubernetes-list-type': 'atomic',
    }),
  }),
  'What may be done at services of this namespace.',
)

const status = z.strictObject({
  ...statusBase,
  lastUsedAt,
  grants: described(z.int().min(0), 'AccessGrants that give this role.').optional(),
})

export type RoleSpec = z.input<typeof spec>
export type RoleStatus = z.infer<typeof status>
export type RoleRule = z.input<typeof rule>
export type Comparison = z.input<typeof comparison>
export type Role = ApiObject<RoleSpec, RoleStatus>

const acceptedReasons = {
  Accepted: 'Every rule is understood and names known services.',
  RuleMatchesNothing:
    'Understood, but some path or permission matches no route of its services; the message names it and what comes nearest.',
  ServiceNotFound:
    'A rule names a GuardedService that does not exist; the other rules count. Create it or correct the name.',
  Invalid: 'A field is wrong; the message names it.',
}

export const role: KindDefinition = {
  kind: 'Role',
  plural: 'roles',
  singular: 'role',
  shortNames: ['lrole'],
  description:
    'A Role says what may be done at guarded services of its own namespace. It gives nothing until an AccessGrant names it.',
  spec,
  status,
  columns: [
    { name: 'Grants', type: 'integer', jsonPath: '.status.grants', description: 'AccessGrants that give it.' },
    readyColumn,
    reasonColumn,
    ageColumn,
    lastUsedColumn,
    enforcedColumn,
  ],
  conditions: {
    Accepted: acceptedReasons,
    Ready: {
      Ready: 'The role is published.',
      RuleMatchesNothing: 'The role is published, but some path or permission of it opens nothing.',
      ...repeated(acceptedReasons, 'RuleMatchesNothing'),
      ...pausedReasons,
    },
    Paused: pausedReasons,
    Enforced: enforcedReasons,
  },
}
