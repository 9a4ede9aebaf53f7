import type { CelRule } from './worded.ts'

/** Types of AccessKeys that are secrets: sent as they are, kept as a hash. */
export const secretTypes = ['StaticSecret', 'ApiKey', 'ClientSecret'] as const

export type SecretType = (typeof secretTypes)[number]

export function isSecretType(type: string | undefined): type is SecretType {
  return (secretTypes as readonly (string | undefined)[]).includes(type)
}

const isForServices = "(self.type == 'StaticSecret' || self.type == 'ApiKey')"
export const servicesAreNamed = `!${isForServices} || has(self.services)`
export const servicesAreMeant = `${isForServices} || !has(self.services)`
export const keyIsOfPair = "self.type == 'KeyPair' || !has(self.publicKey)"
export const algorithmIsOfPair = "self.type == 'KeyPair' || self.algorithm == 'Ed25519'"

export const secretRules: readonly CelRule[] = [
  {
    rule: 'self.type == oldSelf.type',
    message: 'type is immutable: create another AccessKey',
    fieldPath: '.type',
  },
  {
    rule: servicesAreNamed,
    message: 'services must name the services that take a StaticSecret or an ApiKey: others could send it on',
  },
  {
    rule: servicesAreMeant,
    message: 'services has a meaning with type StaticSecret and ApiKey only: for a KeyPair a token names its service',
    fieldPath: '.services',
  },
  {
    rule: keyIsOfPair,
    message: 'publicKey is of a KeyPair: secrets are generated, never chosen',
    fieldPath: '.publicKey',
  },
  {
    rule: algorithmIsOfPair,
    message: 'algorithm is of a KeyPair: remove it',
    fieldPath: '.algorithm',
  },
]
