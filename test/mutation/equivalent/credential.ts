import type { Equivalent } from '../report.ts'

const compact = 'core/credential/compact.ts'
const authorization = 'core/credential/authorization.ts'
const token = 'core/credential/client-token.ts'
const form = 'core/credential/form-fault.ts'
const projected = 'core/credential/service-account-token.ts'

export const credential: readonly Equivalent[] = [
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
    file: authorization,
    from: '[]',
    to: ['["Stryker was here"]'],
    why: 'the text is not there then either',
  },
  {
    file: authorization,
    from: 'name === undefined || text === undefined',
    to: ['name === undefined && text === undefined'],
    why: 'what fits the pattern has both, and anything else neither',
  },
  { file: authorization, from: 'name === undefined', to: ['false'], why: 'as above' },
  { file: authorization, from: 'text === undefined', to: ['false'], why: 'as above' },
  { file: token, from: "typ === 'at+jwt'", to: ['false'], on: 'return true', why: 'the next lines take it, too' },
  {
    file: token,
    from: 'typ.length > 32',
    to: ['false', 'typ.length >= 32'],
    why: 'a longer text is none of the two; it only saves folding it',
  },
  {
    file: token,
    from: 'client?.keys',
    to: ['client.keys'],
    why: 'what throws is no token either',
  },
  { file: token, from: '!client || !key', to: ['false', '!client && !key'], why: 'as above' },
  {
    file: token,
    from: '[]',
    to: ['["Stryker was here"]'],
    on: 'byIssuer',
    why: 'only the second part of a list is looked at',
  },
  { file: token, from: 'audience === undefined', to: ['false'], why: 'no service has the audience undefined' },
  { file: token, from: 'service?.audience', to: ['service.audience'], why: 'without a service nothing is proved' },
  {
    file: 'core/credential/signed.ts',
    from: "typeof alg !== 'string'",
    to: ['false'],
    why: 'what is no text is none of the algorithms',
  },
  {
    file: form,
    from: "''",
    to: ['"Stryker was here!"'],
    on: 'names[unreadable]',
    why: 'the part was found at that place, so it and its name are there',
  },
  {
    file: form,
    from: "''",
    to: ['"Stryker was here!"'],
    on: 'function contentFault',
    why: 'it is given three parts',
  },
  {
    file: projected,
    from: 'clients[0]?.row',
    to: ['clients[0].row'],
    why: 'it is asked of a list of one',
  },
  { file: projected, from: 'pod !== undefined', to: ['true'], why: 'uids are texts: undefined is in no list of them' },
  {
    file: projected,
    from: 'typ.length === 3',
    to: ['true'],
    why: 'no text of another length is JWT in capitals; it only saves folding it',
  },
  {
    file: projected,
    from: 'snapshot.service?.accepts',
    to: ['snapshot.service.accepts'],
    why: 'without a service the audience is none of its, which is told before',
  },
  {
    file: projected,
    from: 'row.namespace !== namespace',
    to: ['false'],
    why: 'the client was found by both names as one text: where the names of the account are the same, so are the namespaces',
  },
  {
    file: projected,
    from: 'row.serviceAccounts?.find',
    to: ['row.serviceAccounts.find'],
    on: 'return row',
    why: 'the client was found by a service account, so it has some',
  },
  {
    file: projected,
    from: '{ names: claimNames }',
    to: ['{}'],
    on: 'lifeChecks',
    why: 'none of these checks finds a claim missing, which is what the names are for',
  },
]
