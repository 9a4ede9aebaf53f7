/** A guard that serves. */
export interface RunningGuard {
  readonly port: number
  readonly adminPort: number | undefined
  /** The pod is ending: not ready, and callers are told to take their next request elsewhere. */
  announceStop(): void
  /** Not ready at once; finishes running requests; then gives everything back. */
  stop(): Promise<void>
}
