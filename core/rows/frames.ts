import type { SentRow } from './rows.ts'

/**
 * What has been seen: per resource (plural name) the last resourceVersion, bookmarks included. A vector: compared
 * per component, never across. Kubernetes 1.35 compares resourceVersions of one resource as numbers.
 */
export type Seen = Readonly<Record<string, string>>

/** First line a guard sends on a stream. `seen` and `hash` are absent when it holds nothing. */
export interface Hello {
  readonly hello: {
    readonly slice: string /* namespace/name */
    readonly seen?: Seen
    readonly hash?: string
    readonly version: string
    /** Names of what it understands beyond the rows of release 0.1.0, see features.ts; absent: nothing. */
    readonly features?: readonly string[]
    /** The largest slice it takes, bytes; absent: of a release that does not say, and does not know `tooLarge`. */
    readonly maxBytes?: number
    /** Slices that share its memory; absent: this one alone. */
    readonly sharedBy?: number
  }
}

/** Every later line a guard sends: what it holds and what it found. */
export interface Held {
  readonly held: {
    readonly hash: string
    /** Addresses beyond loopback on which the app listens, as `address:port`. */
    readonly exposed?: readonly string[]
    /** `address:port` at which the guard reaches the app, when nothing has listened there for a minute. */
    readonly notListening?: string
    /** Calls that audit mode let through. */
    readonly wouldDeny?: number
    /** A part of what was used since this guard told of it last; issuers before 0.2.0 pass over it. */
    readonly used?: Used
  }
}

/** What was used, how often and how long ago: names of the policy alone, nothing that a caller wrote. */
export interface Used {
  /** By `kid`, where the key proved a caller who counted, whatever was decided. */
  readonly keys?: readonly UsedCount[]
  /** By name of the AccessGrant that allowed. */
  readonly grants?: readonly UsedCount[]
  /** By what allowed, `role/<name>#<rule index>`, behind which stands the permission of the route where it has one. */
  readonly rules?: readonly UsedCount[]
  /** Uses for which the guard had no counter left. */
  readonly uncounted?: number
}

/** Seconds are whole, from the last use until the line was written: no clock of another machine is trusted. */
export type UsedCount = readonly [name: string, calls: number, secondsAgo: number]

/** Lines the issuer sends. Every frame that changes rows carries the hash of the slice after it. */
export type Frame =
  | { readonly full: { readonly rows: readonly SentRow[] }; readonly seen: Seen; readonly hash: string }
  | {
      readonly delta: { readonly upsert: readonly SentRow[]; readonly remove: readonly string[] }
      readonly seen: Seen
      readonly hash: string
    }
  | { readonly heartbeat: true; readonly seen: Seen; readonly hash: string }
  /** This replica has seen less than the guard: keep what you have and wait, or try another replica. */
  | { readonly behind: true }
  /** The slice is larger than this guard takes: keep what you have, the stream goes on. Only for guards that say `maxBytes`. */
  | { readonly tooLarge: { readonly bytes: number } }
  /** The stream ends for good for this guard, for example `forbidden`, `service_not_found`, `draining`. */
  | { readonly end: { readonly code: string; readonly message: string } }

/** How often the issuer sends a heartbeat when nothing changes, in milliseconds. */
export const heartbeatMs = 5_000

/**
 * Rows of a slice as JSON, bytes: a larger one is not sent, and a guard that has less memory takes less, see
 * docs/limits.md. Its two copies on the pod's disk are what the guard's volume is made for.
 */
export const maxSliceBytes = 64 * 1_048_576
