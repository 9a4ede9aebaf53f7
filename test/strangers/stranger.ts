/** What a verifier is told: no more than an operator of it would write into its configuration. */
export interface Question {
  readonly issuer: string
  readonly audience: string
  readonly caFile: string
  readonly tokens: readonly string[]
}

export interface Verdict {
  readonly accepted: boolean
  /** The subject when accepted, else the verifier's own words. */
  readonly why: string
}

/** A verifier that knows nothing of Latchkey. `prepare` downloads and builds; `ask` answers token by token. */
export interface Stranger {
  readonly name: string
  /** Whether it takes RFC 9864's name `Ed25519` in `alg`; every one takes `EdDSA`. */
  readonly takesEd25519Name: boolean
  readonly prepare: () => Promise<void>
  readonly ask: (question: Question) => Promise<Verdict[]>
}
