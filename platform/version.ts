declare const LATCHKEY_VERSION: string | undefined

/** What was built; `dev` where sources run unbuilt. */
export const version = typeof LATCHKEY_VERSION === 'string' ? LATCHKEY_VERSION : 'dev'
