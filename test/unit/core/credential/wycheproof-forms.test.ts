import {
  constants,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type SignPrivateKeyInput,
  sign,
} from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { verifyToken } from '../../../../core/credential/verify.ts'
import {
  claims,
  ed25519Key,
  es256Key,
  headerOf,
  type KeyPair,
  keyPair,
  mainKey,
  now,
  part,
  signatureOver,
} from '../fixture.ts'
import { rsaKey, threeKeySnapshot } from './three-keys.ts'

// The originals of Project Wycheproof are in wycheproof-json.test.ts. They have neither Ed25519 nor claims: here are the
// forms of json_web_signature_test, by the names they have there, around tokens that would pass, for each of our three
// algorithms. A verifier that refused everything would fail.

const otherKeys = {
  Ed25519: ed25519Key('attacker'),
  ES256: keyPair('ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
  RS256: keyPair('RS256', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
}
const isAccepted = (token: string): boolean => typeof verifyToken(token, threeKeySnapshot, now) !== 'string'

/** A good token, in pieces. */
interface Pieces {
  readonly key: KeyPair
  readonly header: string
  readonly payload: string
  readonly signature: string
  readonly bytes: Buffer
}

function piecesOf(key: KeyPair, headerText: unknown = headerOf(key)): Pieces {
  const [header, payload] = [part(headerText), part(claims())]
  const bytes = signatureOver(`${header}.${payload}`, key)
  return { key, header, payload, signature: bytes.toString('base64url'), bytes }
}

/** Signs exactly these characters, whether or not they are base64url. */
const signed = (key: KeyPair, header: string, payload: string): string =>
  `${header}.${payload}.${signatureOver(`${header}.${payload}`, key).toString('base64url')}`
const withSignature = ({ header, payload }: Pieces, bytes: Buffer): string =>
  `${header}.${payload}.${bytes.toString('base64url')}`
const changedFirst = (text: string): string => `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`
const unusedBits = (text: string): string => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1) as string) ^ 1]
}

const forms: Readonly<Record<string, (pieces: Pieces) => string>> = {
  rejectsModifiedSignature: ({ header, payload, signature }) => `${header}.${payload}.${changedFirst(signature)}`,
  rejectsMissingSignature: ({ header, payload }) => `${header}.${payload}.`,
  rejectsMissingSignatureAndSeparator: ({ header, payload }) => `${header}.${payload}`,
  rejectsModifiedPayload: ({ header, signature }) => `${header}.${part(claims({ jti: 'x' }))}.${signature}`,
  rejectsMissingPayload: ({ header, signature }) => `${header}..${signature}`,
  rejectsMissingPayloadAndSeparator: ({ header, signature }) => `${header}.${signature}`,
  rejectsModifiedHeader: ({ key, payload, signature }) => `${part({ ...headerOf(key), a: 1 })}.${payload}.${signature}`,
  rejectsMissingHeader: ({ payload, signature }) => `.${payload}.${signature}`,
  rejectsMissingHeaderAndSeparator: ({ payload, signature }) => `${payload}.${signature}`,
  rejectsMissingHeaderAndSignature: ({ payload }) => `.${payload}.`,
  rejectsMissingHeaderSignatureAndSeparators: ({ payload }) => payload,
  rejectsEmptyString: () => '',
  rejectsExtraEmptyComponent: ({ header, payload, signature }) => `${header}.${payload}.${signature}.`,
  rejectsExtraComponent: ({ header, payload, signature }) => `${header}.${payload}.${signature}.foo`,
  rejectsNoneAlgorithmAndMissingSignature: ({ key, payload }) =>
    `${part({ ...headerOf(key), alg: 'none' })}.${payload}.`,
  algIsNone: ({ payload }) => `${part({ alg: 'none', typ: 'at+jwt' })}.${payload}.`,
  algIsNoneInCapitals: ({ key, payload }) => `${part({ ...headerOf(key), alg: 'NONE' })}.${payload}.`,
  algIsNoneWithSignature: ({ key, payload }) => signed(key, part({ ...headerOf(key), alg: 'none' }), payload),
  algIsMissing: ({ key, payload }) => signed(key, part({ ...headerOf(key), alg: undefined }), payload),
  emptyPayload: ({ key, header }) => signed(key, header, ''),
  allZeroPayload: ({ key, header }) => signed(key, header, 'AAAAAAAAAAAAAAAAAAAAAAAAAAA'),
  oneBytePayload: ({ key, header }) => signed(key, header, 'YQ'),
  rejectsValidJsonSerialization: ({ header, payload, signature }) =>
    JSON.stringify({ payload, signatures: [{ protected: header, header: { unknown: 'untrustworthy' }, signature }] }),
  rejectsFlattenedJsonSerialization: ({ header, payload, signature }) =>
    JSON.stringify({ payload, protected: header, signature }),
  rejectsSymmetryConfusionAttacks: ({ key, payload }) => {
    const input = `${part({ ...headerOf(key), alg: 'HS256' })}.${payload}`
    const bytes = createPublicKey(key.privateKey).export({ type: 'spki', format: 'der' })
    return `${input}.${createHmac('sha256', bytes).update(input).digest('base64url')}`
  },
  rejectsAttackerProvidedEmbeddedJwk: ({ key, payload }) => {
    const attacker = otherKeys[key.algorithm]
    return signed(attacker, part({ ...headerOf(key), jwk: { ...attacker.publicKey, kid: key.kid } }), payload)
  },
  rejectsSpacesInSignature: ({ header, payload, signature }) => `${header}.${payload}.    ${signature}`,
  rejectsInvalidCharacterBeforeSignature: ({ header, payload, signature }) => `${header}.${payload}.?${signature}`,
  rejectsInvalidCharacterAfterSignature: ({ header, payload, signature }) => `${header}.${payload}.${signature}?`,
  rejectsReplacedByInvalidCharacter: ({ header, payload, signature }) => `${header}.${payload}.?${signature.slice(1)}`,
  rejectsInvalidCharacters: ({ header, payload, signature }) => `${header}.${payload}.????${signature.slice(4)}`,
  rejectsNewlineInSignature: ({ header, payload, signature }) => `${header}.${payload}.${signature}\n`,
  rejectsPaddingOfSignature: ({ header, payload, signature }) => `${header}.${payload}.${signature}==`,
  rejectsStandardAlphabet: ({ header, payload, bytes }) =>
    `${header}.${payload}.${bytes.toString('base64').replace(/=+$/, '')}+/`,
  spacesInHeader: ({ key, header, payload }) => signed(key, `${header}    `, payload),
  invalidCharactersInHeader: ({ key, header, payload }) => signed(key, `${header}####`, payload),
  invalidBase64PaddingInHeader: ({ key, header, payload }) => signed(key, `${header}==`, payload),
  spacesInPayload: ({ key, header, payload }) => signed(key, header, `    ${payload}`),
  invalidCharactersInPayload: ({ key, header, payload }) => signed(key, header, `####${payload}`),
  invalidBase64PaddingInPayload: ({ key, header, payload }) => signed(key, header, `${payload}=`),
  InvalidCharacterInPayload: ({ key, header, payload }) => signed(key, header, `?${payload}`),
  // The next two are called valid by Wycheproof, for decoders that skip what they do not know. We refuse them.
  InvalidCharacterInsertedInHeader: ({ header, payload, signature }) =>
    `${header.slice(0, -1)}?${header.slice(-1)}.${payload}.${signature}`,
  InvalidCharacterInsertedInPayload: ({ header, payload, signature }) => `${header}.${payload}?.${signature}`,
  ModifiedUnusedBits: ({ header, payload, signature }) => `${header}.${payload}.${unusedBits(signature)}`,
  MacOfIncorrectlyEncodedMessage: ({ key, header }) => {
    const text = JSON.stringify(claims())
    // A length of 1 modulo 3 leaves four bits that no byte needs.
    const payload = part(text.padEnd(text.length + ((4 - (text.length % 3)) % 3)))
    return signed(key, header, unusedBits(payload))
  },
  truncatedSignature: pieces => withSignature(pieces, pieces.bytes.subarray(0, -2)),
  prependingZerosToSignature: pieces => withSignature(pieces, Buffer.concat([Buffer.alloc(2), pieces.bytes])),
  appendingZerosToSignature: pieces => withSignature(pieces, Buffer.concat([pieces.bytes, Buffer.alloc(2)])),
  allZeroSignature: pieces => withSignature(pieces, Buffer.alloc(pieces.bytes.length)),
  BufferOverflow: pieces => withSignature(pieces, Buffer.concat([Buffer.alloc(250), pieces.bytes, Buffer.alloc(250)])),
}

describe.each([
  ['Ed25519', mainKey],
  ['ES256', es256Key],
  ['RS256', rsaKey],
])('the forms of Wycheproof JWS, %s', (_, key) => {
  test('acceptsValid', () => {
    const { header, payload, signature } = piecesOf(key)
    expect(isAccepted(`${header}.${payload}.${signature}`)).toBe(true)
  })
  test('ValidSpacesInJsonHeader, ValidWhiteSpaceInJsonHeader', () => {
    const text = JSON.stringify(headerOf(key))
    for (const spaced of [text.replaceAll(':', ' : ').replaceAll(',', ' , '), text.replaceAll(',', ',\n\t')]) {
      const { header, payload, signature } = piecesOf(key, spaced)
      expect(isAccepted(`${header}.${payload}.${signature}`)).toBe(true)
    }
  })
  test.each(Object.entries(forms))('%s', (_name, form) => {
    expect(isAccepted(form(piecesOf(key)))).toBe(false)
  })
})

describe('the forms of Wycheproof JWS, wrong primitive', () => {
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }
  const primitives: [string, string, Omit<SignPrivateKeyInput, 'key'>][] = [
    ['UsingRS384', 'sha384', {}],
    ['UsingRS512', 'sha512', {}],
    ['UsingPS256', 'sha256', pss],
    ['UsingPS384', 'sha384', pss],
    ['UsingPS512', 'sha512', pss],
  ]
  test.each(primitives)('%s, under its own name and under RS256', (name, hash, options) => {
    for (const alg of [name.slice(5), 'RS256']) {
      const input = `${part({ ...headerOf(rsaKey), alg })}.${part(claims())}`
      const signature = sign(hash, Buffer.from(input), { key: rsaKey.privateKey, ...options })
      expect(isAccepted(`${input}.${signature.toString('base64url')}`)).toBe(false)
    }
  })
  test('SignatureIsN, SignatureIsNsub1, SignatureIsNotReduced', () => {
    const { header, payload, bytes } = piecesOf(rsaKey)
    const modulus = BigInt(`0x${Buffer.from(String(rsaKey.publicKey.n), 'base64url').toString('hex')}`)
    const value = BigInt(`0x${bytes.toString('hex')}`)
    for (const forged of [modulus, modulus - 1n, value + modulus]) {
      const hex = forged.toString(16).padStart(512, '0')
      const text = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url')
      expect(isAccepted(`${header}.${payload}.${text}`)).toBe(false)
    }
  })
})

describe('the forms of Wycheproof JWS, SpecialCaseEs256', () => {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const pieces = piecesOf(es256Key)
  const r = BigInt(`0x${pieces.bytes.subarray(0, 32).toString('hex')}`)
  const s = BigInt(`0x${pieces.bytes.subarray(32).toString('hex')}`)
  const pair = (first: bigint, second: bigint, bytes = 32): string =>
    withSignature(
      pieces,
      Buffer.from([first, second].map(number => number.toString(16).padStart(bytes * 2, '0')).join(''), 'hex'),
    )
  test('valid: the other s of the same signature, as every ECDSA verifier takes it', () => {
    expect(isAccepted(pair(r, order - s))).toBe(true)
  })
  test.each([
    ['SignatureTooLong', pair(r, s, 33)],
    ['TrailingZeros', withSignature(pieces, Buffer.concat([pieces.bytes, Buffer.alloc(1)]))],
    ['RisTooBig', pair(r + order, s, 33)],
    ['SisTooBig', pair(r, s + order, 33)],
    ['IntegerOverflow of r', pair(r + (1n << 256n), s, 33)],
    ['IntegerOverflow of s', pair(r, s + (1n << 256n), 33)],
    [
      'DER',
      withSignature(
        pieces,
        sign('sha256', Buffer.from(`${pieces.header}.${pieces.payload}`), { key: es256Key.privateKey }),
      ),
    ],
  ])('J13 %s', (_name, token) => {
    expect(isAccepted(token)).toBe(false)
  })
  test('J13 r and s of 0, 1, n - 1 and n', () => {
    const edges = [0n, 1n, order - 1n, order]
    for (const first of edges) for (const second of edges) expect(isAccepted(pair(first, second))).toBe(false)
  })
})
