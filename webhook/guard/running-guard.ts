/** A guard that serves. */
export interface RunningGuard {
  readonly port: number
  readonly adminPort: number | undefined
  /** Not ready at once; finishes running requests; then gives everything back. */
  stop(): Promise<void>
}
