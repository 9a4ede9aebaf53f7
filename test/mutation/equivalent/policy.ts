import type { Equivalent } from '../report.ts'

const caller = 'core/policy/caller.ts'
const choose = 'core/policy/choose-grant.ts'
const standing = 'core/policy/client-standing.ts'
const decide = 'core/policy/decide.ts'
const known = 'core/policy/known-identity.ts'
const idle = 'core/policy/idle-rules.ts'
const added = ['["Stryker was here"]']
const enough = 'a unit more or less is no matter: what is beyond is not told either way'
const askedAgain = 'another place asks the same before anything is told'

export const policy: readonly Equivalent[] = [
  { file: choose, from: 'grant.endsAt !== undefined', to: ['true'], why: 'no time is at or after undefined' },
  {
    file: choose,
    from: 'rule.index >= first.index',
    to: ['rule.index > first.index'],
    why: 'a rule by another of its own paths is the same rule',
  },
  {
    file: choose,
    from: 'rule.positions?.get',
    to: ['rule.positions.get'],
    why: 'a rule with conditions has positions (core/matching/compile.ts)',
  },
  { file: choose, from: 'position === undefined', to: ['false'], why: 'nothing stands at undefined in a list' },
  { file: choose, from: 'value !== undefined', to: ['true'], why: 'an attribute is a text, and no text is undefined' },
  {
    file: choose,
    from: 'scopeContains !== undefined',
    to: ['true'],
    why: 'a comparison has one of the three members, or its row is not understood',
  },
  {
    file: decide,
    from: "typeof identity === 'string'",
    to: ['false'],
    on: 'const checked',
    why: 'without a caller there is no checked identity either',
  },
  { file: decide, from: "'string'", to: ['""'], on: 'const checked', why: 'as above' },
  {
    file: decide,
    from: "typeof client === 'string'",
    to: ['true'],
    why: 'an identity that does not count has a fault: there is always a text',
  },
  { file: decide, from: "'invalid_token'", to: ['""'], why: 'as above' },
  {
    file: decide,
    from: 'route === undefined && !attributes',
    to: ['false'],
    why: 'the next line adds nothing then; it only saves the copy',
  },
  { file: decide, from: '[]', to: ['["Stryker was here"]'], why: 'a text that is no leaf, part or role of anything' },
  { file: decide, from: 'index < 0', to: ['false'], why: 'the bit of -1 is the 32nd, and no method has it' },
  {
    file: decide,
    from: "''",
    to: ['"Stryker was here!"'],
    why: 'a part of a resource is a segment of the route that matched, so it is there',
  },
  {
    file: decide,
    from: 'unread.size === 0',
    to: ['false'],
    why: 'nothing is in an empty set; it only saves the look',
  },
  {
    file: caller,
    from: '[]',
    to: added,
    on: 'grantedUntil',
    why: 'a grant without an end is as good as none: both give Infinity',
  },
  { file: caller, from: '[]', to: added, on: 'const held', why: 'a text is a grant of no role that is known' },
  {
    file: caller,
    from: 'rolesEndAt === undefined || now < rolesEndAt',
    to: ['false', 'rolesEndAt === undefined && now < rolesEndAt'],
    why: 'going through the grants gives the same; it only saves that',
  },
  { file: caller, from: 'rolesEndAt === undefined', to: ['false'], why: 'as above' },
  { file: caller, from: 'now < rolesEndAt', to: ['false'], why: 'as above' },
  {
    file: caller,
    from: 'endsAt < first',
    to: ['endsAt <= first'],
    why: 'of two times that are the same either is the first',
  },
  {
    file: caller,
    from: 'endsAt !== undefined',
    to: ['true'],
    on: 'endsAt < first',
    why: 'undefined is before no time',
  },
  {
    file: standing,
    from: 'expiresAt !== undefined',
    to: ['true'],
    on: 'ended',
    why: 'no time is at or after undefined',
  },
  { file: standing, from: 'a.name < b.name', to: ['a.name <= b.name'], why: 'no two grants have the same name' },
  { file: standing, from: 'a.role < b.role', to: ['a.role <= b.role'], why: 'by then they differ' },
  { file: known, from: 'identity.roles', to: ['true'], why: 'roles that are undefined narrow nothing' },
  {
    file: 'core/policy/freshness.ts',
    from: 'ageSeconds !== undefined',
    to: ['true'],
    why: 'undefined is not at most any number',
  },
  {
    file: decide,
    from: "'policy_unsupported'",
    to: ['""'],
    on: '...unsupported(',
    why: 'the reason is put there anew',
  },
  {
    file: idle,
    from: '!known.has(service)',
    to: ['true'],
    why: 'reading its routes again gives the same; it only saves that',
  },
  { file: idle, from: 'budget.left <= 0', to: ['budget.left < 0'], why: enough },
  { file: idle, from: 'budget.left <= 0', to: ['false'], why: askedAgain },
  {
    file: idle,
    from: '[]',
    to: added,
    on: 'methods = []',
    why: 'a text is no path and no method; a rule with paths has methods',
  },
]
