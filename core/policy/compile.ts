import type { RoleRow, ServiceRow } from '../snapshot/rows.ts'

/** What decide() walks; its inside is nobody else's business. */
export interface CompiledPolicy {
  readonly roles: ReadonlySet<string>
}

export function compilePolicy(_service: ServiceRow, _roles: Iterable<RoleRow>): CompiledPolicy {
  throw new Error('being written')
}
