import { readApiKey } from '../secret/presented.ts'
import { type SecretForm, secretEntry, secretExplanation } from './secret.ts'

const form: SecretForm = {
  kind: 'ApiKey',
  places: [{ in: 'authorization', scheme: 'basic' }, { in: 'apiKey' }],
  refusedPlaces: [],
  read: readApiKey,
}

/** `<key id>:<secret>` in base64: where the service says, or as user and password of HTTP Basic. */
export const apiKey = secretEntry(form)

export const apiKeyExplanation = secretExplanation(form, {
  words: 'api key',
  written: 'the base64 of acc_<key>:lks_<secret>',
  looksLike: text => text.startsWith('YWNjX'),
})
