/**
 * What the token server keeps where all its replicas see it: ids that may be used once, codes, grants, revocations. Each
 * type has places of its own, so a flood of one takes none of another.
 */
export const recordTypes = ['Assertion', 'Code', 'Grant', 'Revocation'] as const

export type RecordType = (typeof recordTypes)[number]

/** Types whose records every replica is told of. */
export const followedTypes = ['Revocation'] as const satisfies readonly RecordType[]

export type FollowedType = (typeof followedTypes)[number]

/** Bytes of the JSON text that a record may hold. */
export const mostValueBytes = 16_384
