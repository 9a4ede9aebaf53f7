import { looseTimes, unreadTimes } from '../../builders/times.ts'

const routeOf = (path: string) => ({ name: 'a', path, methods: ['GET'] })
const permissions = (action: string, resource: string) => ({
  rules: [{ services: ['orders'], permissions: [{ action, resources: [resource] }] }],
})
const rule = { services: ['orders'], methods: ['GET'], paths: ['/orders'] }
const grant = { roleRef: { name: 'r' }, clients: [{ namespace: 'a', name: 'b' }] }
const targetRef = { name: 'orders', port: 80 }
const roleWith = (change: object) => ({ rules: [{ ...rule, ...change }] })

/** What is wrong, with a spec of which kind, and how its sentence begins. */
export const sentences: readonly [string, string, object, string][] = [
  ['a star within a segment', 'Role', roleWith({ paths: ['/orders*'] }), '* takes one whole segment'],
  ['a path without its slash', 'Role', roleWith({ paths: ['orders'] }), 'a path begins with a slash'],
  ['two stars within', 'Role', roleWith({ paths: ['/a/**/b'] }), '* takes one whole segment'],
  ['a query', 'Role', roleWith({ paths: ['/orders?x=1'] }), 'a path has no query'],
  ['two slashes', 'Role', roleWith({ paths: ['/orders//x'] }), 'a path has no empty segment'],
  ['a name within a segment', 'Role', roleWith({ paths: ['/v{n}'] }), 'a name in braces takes one whole segment'],
  ['a name that is none', 'Role', roleWith({ paths: ['/{a-b}'] }), 'a name in braces begins with a letter'],
  ['a small escape', 'Role', roleWith({ paths: ['/%c3'] }), 'an escape is % and two hexadecimal digits'],
  ['an empty path', 'Role', roleWith({ paths: [''] }), 'a path begins with a slash'],
  ['no paths', 'Role', roleWith({ paths: [] }), 'the list is empty: name at least one entry'],
  ['all services', 'Role', roleWith({ services: ['*'] }), 'name a GuardedService of this namespace; all at once'],
  ['no rules', 'Role', { rules: [] }, 'the list is empty'],
  ['an action with a space', 'Role', permissions('re ad', 'a'), 'an action has letters'],
  ['a route without its slash', 'GuardedService', { targetRef, routes: [routeOf('a')] }, 'a path begins with a'],
  ['nothing public', 'GuardedService', { targetRef, public: [] }, 'the list is empty'],
  ['no routes', 'GuardedService', { targetRef, routes: [] }, 'the list is empty'],
  ['an audience without its scheme', 'GuardedService', { targetRef, audience: 'orders.shop' }, 'an audience is an'],
  ['days', 'GuardedService', { targetRef, maxStaleness: '30d' }, 'a duration has hours, minutes and seconds'],
  [
    'a validity of a thousand years',
    'AccessKey',
    { clientRef: { name: 'a' }, validity: '9999999h' },
    'a duration has hours',
  ],
  [
    'a window as cron has it',
    'AccessKey',
    { clientRef: { name: 'a' }, rotation: { windows: [{ start: '0 2 * * *', duration: '1h' }] } },
    'a time of day has hours and minutes',
  ],
  [
    'a public key with padding',
    'AccessKey',
    { clientRef: { name: 'a' }, publicKey: { kty: 'OKP', crv: 'Ed25519', x: `${'A'.repeat(43)}=` } },
    'members of a JWK are base64url without padding',
  ],
  [
    'a zone that is an abbreviation',
    'AccessKey',
    { clientRef: { name: 'a' }, rotation: { windows: [{ start: '02:00', duration: '1h', timeZone: 'BST' }] } },
    'a time zone has a name of the IANA',
  ],
  ['an empty duration', 'GuardedService', { targetRef, maxStaleness: '' }, 'a duration has hours'],
  ['a validity in days', 'AccessKey', { clientRef: { name: 'a' }, validity: '30d' }, 'a duration has hours'],
  ...[...looseTimes, ...unreadTimes.filter(time => time.length <= 40)].map((time): [string, string, object, string] => [
    `the end ${JSON.stringify(time)}`,
    'AccessKey',
    { clientRef: { name: 'a' }, expiresAt: time },
    'a time is written as RFC 3339 has it',
  ]),
  [
    'a request with a comma',
    'AccessKey',
    { clientRef: { name: 'a' }, rotation: { requestedAt: looseTimes[0] } },
    'a time',
  ],
  ['a moment with a comma', 'AccessKey', { clientRef: { name: 'a' }, keysNotBefore: looseTimes[0] }, 'a time is'],
  ['the end of a grant', 'AccessGrant', { ...grant, expiresAt: looseTimes[0] }, 'a time is written'],
  [
    'a Service with a dot',
    'GuardedService',
    { targetRef: { name: 'a.b', port: 80 } },
    'a name has lower-case letters, digits and dashes',
  ],
  [
    'a header of API keys with an underscore',
    'GuardedService',
    { targetRef: { name: 'a', port: 80 }, accepts: ['ApiKey'], apiKey: { header: 'x_api_key' } },
    'the name of a header has letters, digits and single dashes',
  ],
  [
    'a parameter of API keys that needs an escape',
    'GuardedService',
    { targetRef: { name: 'a', port: 80 }, accepts: ['ApiKey'], apiKey: { query: 'api key' } },
    'the name of a query parameter has letters, digits',
  ],
  ['a name in capitals', 'AccessKey', { clientRef: { name: 'A' } }, 'a name has lower-case letters, digits, dashes'],
  ['a client id of one word', 'ApiClient', { clientId: 'checkout' }, 'a chosen client id is the namespace'],
]
