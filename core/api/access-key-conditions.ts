import { enforcedReasons, expiringReasons, pausedReasons, repeated } from './kind.ts'

const acceptedReasons = {
  Accepted: 'The key is understood and its client is known.',
  ClientNotFound: 'No ApiClient of that name in this namespace. Create it or correct spec.clientRef.name.',
  ClientRefused: 'The ApiClient is not accepted; see its conditions.',
  TooManyAccessKeys:
    'The client has more than 64 AccessKeys: the oldest count, and revoked and ended ones only behind the others. Delete those that nobody uses.',
  ExpiryRequired: 'Keys of a Personal client must expire: set validity or expiresAt, at most 2160h ahead.',
  RoleNotFound:
    'spec.roles names a role that does not exist; the message names it. The others count, and it counts from when it exists; where there are no others the key opens nothing until then.',
  PublicKeyInvalid: 'spec.publicKey is not a usable public key; the message says why.',
  Unsupported: 'The spec asks for something this release does not make.',
  Invalid: 'A field is wrong; the message names it.',
}

/** Conditions of an AccessKey with their closed lists of reasons. */
export const accessKeyConditions = {
  Accepted: acceptedReasons,
  Ready: {
    Ready: 'The key is minted and published.',
    ClientSuspended: 'The key is published, but its client is suspended: no guard takes it.',
    Pending: 'Work is under way.',
    Revoked: 'The key is revoked and published no more.',
    Expired: 'The key has ended.',
    SecretConflict:
      'A Secret of that name exists and is not ours. It stays untouched; delete it or use another secretName in a new AccessKey.',
    SecretForbidden:
      'The operator may not write Secrets in this namespace. Add it to the chart value secrets.namespaceList.',
    SecretContended:
      'Somebody else writes the Secret each time a key is put into it. It gets another one less and less often; have whoever it is leave the Secret alone.',
    SecretAltered:
      'The key is published, but somebody else changes what stands beside it in the Secret whenever it is written; the message names the fields.',
    SecretRefused:
      'The API server refuses the Secret: a quota, an admission policy, a namespace that is being deleted, `immutable: true`, or a name that is too long. The message says which can be seen.',
    ...repeated(acceptedReasons),
    ...pausedReasons,
  },
  Paused: pausedReasons,
  Enforced: enforcedReasons,
  Rotating: {
    Requested: 'spec.rotation.requestedAt is still to come: the rotation begins then.',
    Publishing: 'The next key is published and waits in its own Secret until everybody can know it.',
    WaitingForWindow: 'The next key is published and waits for the next window of spec.rotation.windows.',
    WaitingForGuards: 'The next key waits for guards that do not hold it yet; the message counts them.',
    GuardsBehind:
      'Guards have not taken the next key for long. Look at their GuardedServices. It waits until such guards deny everything anyway, or the key in use ends.',
    TooManyRetiring: 'Eight earlier keys are still in their overlap. The rotation begins when one of them has ended.',
  },
  Expiring: expiringReasons(
    'The key ends within …, and none takes its place by itself, or its rotation is held up; the message says which.',
  ),
  Stalled: {
    SecretConflict: 'A person has to resolve the conflict.',
    SecretForbidden: 'A person has to allow it.',
    SecretRefused: 'A person has to change the quota or the policy.',
    SecretContended: 'A person has to find who else writes the Secret.',
  },
}
