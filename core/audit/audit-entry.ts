import { type Reason, reasons } from '../base/reasons.ts'

/**
 * Version of the audit line, its member `v`. New members may come without a new version; one that goes away, or comes
 * to mean something else, makes a new one.
 */
export const auditVersion = 1

/** One decision, as it is written: nothing here can be a token, a query or a raw header. */
export interface AuditEntry {
  readonly v: typeof auditVersion
  readonly time: string
  readonly decision: 'allow' | 'deny'
  readonly reason: Reason
  readonly wouldDeny?: true | undefined
  readonly rule?: string | undefined
  readonly grant?: string | undefined
  readonly missing?: string | undefined
  readonly revision: string
  readonly client?: string | undefined
  readonly clientId?: string | undefined
  readonly key?: string | undefined
  readonly subject?: string | undefined
  readonly actor?: string | undefined
  readonly method?: string | undefined
  readonly route?: string | undefined
  readonly path?: string | undefined
  readonly service: string
  readonly requestId: string
  readonly peer: string
  readonly proxy?: string | undefined
  readonly status?: number | undefined
  readonly durationMs: number
  readonly event?: 'tunnel_closed' | 'call_closed' | undefined
}

/** What a reader of audit lines needs to know of one member. */
export interface AuditField {
  readonly type: 'string' | 'integer' | 'number' | 'boolean'
  /** Whether every line has it. */
  readonly required: boolean
  readonly what: string
  readonly values?: readonly (string | number | boolean)[]
  readonly maxLength?: number
  readonly format?: 'date-time'
}

/** Longest path that is written, characters: the rest is cut off. */
export const maxAuditPath = 1_024

type FieldsOf<T> = {
  readonly [K in keyof T]-?: AuditField & { readonly required: undefined extends T[K] ? false : true }
}

/** Every member of a line, in the order of writing. The page, the JSON Schema and the type cannot differ. */
export const auditFields = {
  v: { type: 'integer', required: true, values: [auditVersion], what: 'Version of this schema.' },
  time: { type: 'string', required: true, format: 'date-time', what: 'When it was decided, UTC.' },
  decision: {
    type: 'string',
    required: true,
    values: ['allow', 'deny'],
    what: 'What happened: `allow` also where audit mode let the call through.',
  },
  reason: {
    type: 'string',
    required: true,
    values: Object.keys(reasons),
    what: 'Why: one of the [problems](problems.md), or `granted`, or `public`.',
  },
  wouldDeny: {
    type: 'boolean',
    required: false,
    values: [true],
    what: 'Audit mode let through what Enforce would have denied for `reason`.',
  },
  rule: { type: 'string', required: false, what: 'The rule that allowed: `role/<name>#<index in spec.rules>`.' },
  grant: {
    type: 'string',
    required: false,
    what: 'The AccessGrant that allowed; for `limit_exceeded` the one whose limit is reached.',
  },
  missing: {
    type: 'string',
    required: false,
    maxLength: maxAuditPath + 64,
    what: 'For `not_granted`: what a role would have to allow, `<action> <resource>` or `<METHOD> <path template>`.',
  },
  revision: { type: 'string', required: true, what: 'Revision of the policy; empty while there was none.' },
  client: { type: 'string', required: false, what: 'The ApiClient, `namespace/name`. Only of a caller who counts.' },
  clientId: { type: 'string', required: false, what: 'Its client id. Only of a caller who counts.' },
  key: { type: 'string', required: false, what: '`kid` of its key, or `serviceaccount:<name>`.' },
  subject: { type: 'string', required: false, what: 'Subject of the token.' },
  actor: { type: 'string', required: false, what: 'Who acts for the subject. Not used in this release.' },
  method: { type: 'string', required: false, what: 'Method. Absent where the bytes were no request.' },
  route: { type: 'string', required: false, what: 'Name of the declared route that decided.' },
  path: {
    type: 'string',
    required: false,
    maxLength: maxAuditPath,
    what: 'Path as sent, up to the first `?`, `#` or `;`: what follows may hold secrets. Cut at 1,024 characters.',
  },
  service: { type: 'string', required: true, what: 'The GuardedService, `namespace/name`.' },
  requestId: { type: 'string', required: true, what: "The caller's X-Request-Id where it is well-formed, else ours." },
  peer: { type: 'string', required: true, what: 'Address of the connection.' },
  proxy: {
    type: 'string',
    required: false,
    what: 'The proxy that asked the external authorizer, by its name in the list of peers.',
  },
  status: { type: 'integer', required: false, what: 'Status of the answer. Absent when none could be sent.' },
  durationMs: {
    type: 'number',
    required: true,
    what: 'Milliseconds until the head of the answer; of what was closed, for how long it was open.',
  },
  event: {
    type: 'string',
    required: false,
    values: ['tunnel_closed', 'call_closed'],
    what: 'What was open and was closed by this decision: a WebSocket connection, or any other call.',
  },
} as const satisfies FieldsOf<AuditEntry>
