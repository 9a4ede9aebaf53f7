/** A request target that can be read in one way only. `path + query` is the target, byte for byte. */
export interface Target {
  readonly path: string
  /** With its question mark; empty when there is none. */
  readonly query: string
  /** Percent-decoded; a trailing slash is an empty last one. */
  readonly segments: readonly string[]
}

export function readTarget(_target: string): Target | 'request_malformed' | 'path_malformed' {
  throw new Error('being written')
}
