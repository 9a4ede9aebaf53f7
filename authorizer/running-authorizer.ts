import type { AuthorizerPorts } from './authorizer.ts'

/** An authorizer that runs, wherever its policies come from. */
export interface RunningAuthorizer extends AuthorizerPorts {
  stop(): Promise<void>
}
