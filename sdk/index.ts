// The package's entry: what a caller uses. Services import '@latchkey/sdk/verifier' and a framework's middleware.
export { AccessError, type AccessErrorCode } from './access-error.ts'
export { serviceAudience } from './audience.ts'
export { type DecisionHeader, readDecision } from './decision-header.ts'
export { createFetch, type Fetch, type FetchOptions } from './fetch.ts'
export type { ClientJwk } from './private-key.ts'
export { type SecretProviderOptions, secretProvider } from './secret-provider.ts'
export { type SessionProviderOptions, sessionProvider } from './session-provider.ts'
export { type CredentialPlace, type TokenProvider, type TokenProviderOptions, tokenProvider } from './token-provider.ts'
