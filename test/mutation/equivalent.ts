import type { Equivalent } from './report.ts'

const compact = 'core/credential/compact.ts'
const json = 'core/base/strict-json.ts'
const path = 'core/matching/path.ts'
const choose = 'core/policy/choose-grant.ts'
const decide = 'core/policy/decide.ts'

/** What survives `make mutation` and may: with it, the file gives the same answers. */
export const equivalent: readonly Equivalent[] = [
  {
    file: compact,
    from: 'first <= 0',
    to: ['false', 'first < 0'],
    why: 'a header of no characters is no JSON object: the next lines refuse it; without any dot there is no second either',
  },
  {
    file: compact,
    from: 'first <= 0 || second < 0',
    to: ['first <= 0 && second < 0'],
    why: 'with one dot the signature would be the whole text, and a dot is no base64url',
  },
  {
    file: compact,
    from: 'second < 0',
    to: ['false', 'second <= 0'],
    why: 'as above; and a second dot is never the first character',
  },
  {
    file: compact,
    from: "token.indexOf('.', second + 1) >= 0",
    to: ['false', "token.indexOf('.', second + 1) > 0"],
    why: 'a third dot would stand in the signature, and is no base64url; it is never the first character',
  },
  { file: compact, from: "'latin1'", to: ['""'], why: 'by then every character is one of base64url or a dot' },
  {
    file: json,
    from: 'members === undefined',
    to: ['false'],
    why: 'no value has undefined members; the line keeps JSON.parse from deep texts, where it would throw into the same answer',
  },
  { file: json, from: '{ return undefined }', to: ['{}'], why: 'a function without a value gives undefined' },
  {
    file: json,
    from: 'false',
    to: ['true'],
    on: 'let isEscaped',
    why: 'a colon before any name is no JSON: JSON.parse refuses it',
  },
  { file: json, from: 'index < text.length', to: ['index <= text.length'], why: 'past the end there is no character' },
  { file: json, from: 'index < 0', to: ['index <= 0'], why: 'a string ends after it begins, so never at 0' },
  { file: json, from: 'index < end', to: ['index <= end'], why: 'at its end stands the quote' },

  {
    file: path,
    from: 'code === percent',
    to: ['true'],
    why: 'the reader of escapes refuses what it does not take, too',
  },
  {
    file: path,
    from: 'end === target.length',
    to: ['false'],
    why: 'cut at its end a text is itself; it only saves the cut',
  },
  {
    file: path,
    from: 'false',
    to: ['true'],
    on: 'let isEscaped',
    why: 'decoding a segment without escapes changes nothing',
  },
  {
    file: path,
    from: 'high < 0 || low < 0',
    to: ['false', 'high < 0 && low < 0'],
    why: 'decodeURIComponent refuses a bad escape after us',
  },
  { file: path, from: 'high < 0', to: ['false', 'high <= 0'], why: 'as above; and below %10 all are control bytes' },
  { file: path, from: 'low < 0', to: ['false'], why: 'as above' },
  { file: path, from: 'false', to: ['true'], on: 'if (high < 0', why: 'as above' },
  { file: path, from: 'code >= 0x30', to: ['true'], why: 'as above: a character below 0 counts below 0' },
  { file: path, from: 'code >= 0x41', to: ['true'], why: 'as above: what is no digit is refused after us' },
  {
    file: path,
    from: 'code >= 0x61 && code <= 0x66',
    to: ['true', 'code >= 0x61 || code <= 0x66'],
    why: 'as above',
  },
  { file: path, from: 'code >= 0x61', to: ['true'], why: 'as above' },
  { file: path, from: 'code <= 0x66', to: ['true'], why: 'as above' },
  { file: path, from: '-1', to: ['+1'], on: 'return -1', why: 'as above' },
  { file: path, from: '{ return undefined }', to: ['{}'], why: 'a function without a value gives undefined' },
  {
    file: path,
    from: 'index < target.length',
    to: ['index <= target.length'],
    why: 'past the end there is no character',
  },
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
    from: 'unsupported.size === 0',
    to: ['false'],
    why: 'nothing is in an empty set; it only saves the look',
  },
  {
    file: 'core/policy/check-identity.ts',
    from: 'proof.podUid !== undefined',
    to: ['true'],
    why: 'uids are texts: undefined is in no list of them',
  },
]
