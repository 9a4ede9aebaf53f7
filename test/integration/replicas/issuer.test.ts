import { it } from 'vitest'
import { stopIssuer } from './stop-issuer.ts'

/** `make soak` stops it in every way. */
it(
  'of two issuers the one that a guard hears is killed: the guard moves to the other, and a key that is revoked meanwhile is refused (F01, F12, F13)',
  {
    timeout: 90_000,
  },
  () => stopIssuer('SIGKILL'),
)
