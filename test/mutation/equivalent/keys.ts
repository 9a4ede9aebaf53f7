import type { Equivalent } from '../report.ts'

const accept = 'core/keys/accept-access-key.ts'
const status = 'core/keys/access-key-status.ts'
const judge = 'core/keys/judge-secret.ts'
const ledger = 'core/keys/key-ledger.ts'
const plan = 'core/keys/plan-access-key.ts'
const brought = 'core/keys/plan-brought.ts'
const minted = 'core/keys/plan-minted.ts'
const revoked = 'core/keys/plan-revoked.ts'
const secret = 'core/keys/secret-data.ts'
const clock = 'core/keys/another-clock.ts'
const added = ['["Stryker was here"]']
const noTime = 'a time that is not there is NaN, and nothing is before or after that'

export const keys: readonly Equivalent[] = [
  { file: accept, from: 'client?.client', to: ['client.client'], why: 'an earlier check refused it without a client' },
  { file: clock, from: "''", to: ['"Stryker was here!"'], why: noTime },
  { file: status, from: 'spec.expiresAt !== undefined', to: ['true'], why: noTime },
  { file: judge, from: 'spec.keysNotBefore !== undefined', to: ['true'], why: noTime },
  { file: ledger, from: 'spec.keysNotBefore !== undefined', to: ['true'], why: noTime },
  { file: ledger, from: 'end !== undefined', to: ['true'], on: 'const over', why: noTime },
  {
    file: ledger,
    from: "'Active'",
    to: ['""'],
    on: 'const fresh',
    why: 'the state is found out there, not taken over',
  },
  {
    file: ledger,
    from: '[]',
    to: added,
    on: 'fresh ?',
    why: 'only a retiring key is ever dropped: a new one is there',
  },
  {
    file: plan,
    from: 'found.accessKey.status === undefined',
    to: ['false'],
    why: 'a status that is not there is not the same as one that is',
  },
  { file: plan, from: '[]', to: added, on: 'keys.flatMap', why: 'a text is after no time' },
  { file: plan, from: '[]', to: added, on: 'fault?.lookAgainAt', why: 'a text is after no time' },
  {
    file: brought,
    from: "'none'",
    to: ['""'],
    on: 'onlyRevoked',
    why: 'where there is a fault nobody looks at the state of the Secret',
  },
  {
    file: minted,
    from: "'unknown'",
    to: ['""'],
    why: 'where there is a fault nobody looks at the state of the Secret',
  },
  { file: minted, from: 'accessKey.spec.expiresAt !== undefined', to: ['true'], why: noTime },
  {
    file: minted,
    from: 'spec.keysNotBefore === undefined',
    to: ['true'],
    why: 'no key is made before that moment, so now is never less',
  },
  {
    file: revoked,
    from: "'none'",
    to: ['""'],
    why: 'of a revoked key only a Secret that is missing, foreign, forbidden or refused says something',
  },
  { file: secret, from: 'text !== undefined', to: ['true'], why: 'what is undefined is no digits' },
  {
    file: secret,
    from: "''",
    to: ['"Stryker was here!"'],
    why: 'an AccessKey comes from the API server, with a uid',
  },
  {
    file: secret,
    from: 'namespace !== undefined',
    to: ['true'],
    why: 'an AccessKey has a namespace; and in JSON a member that is undefined is none',
  },
]
