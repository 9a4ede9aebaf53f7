import { readStaticSecret } from '../secret/presented.ts'
import { bearerPlaces } from './bearer.ts'
import { type SecretForm, secretEntry, secretExplanation } from './secret.ts'

const form: SecretForm = { kind: 'StaticSecret', ...bearerPlaces, read: readStaticSecret }

/** `<client id>.<key id>.<secret>` as a bearer token, for callers that cannot sign. */
export const staticSecret = secretEntry(form)

export const staticSecretExplanation = secretExplanation(form, {
  words: 'static secret',
  written: '<client id>.acc_<key>.lks_<secret>',
  looksLike: text => /(?:^|\.)(?:acc|lks)_/.test(text),
})
