import { removeLeftovers } from '../cluster/control-plane.ts'

/** After the last file, when the workers have ended: their control planes end too. */
export async function teardown(): Promise<void> {
  await removeLeftovers()
}
