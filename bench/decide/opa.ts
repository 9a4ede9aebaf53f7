import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { numbered } from '../policy/clients.ts'
import { type PolicySize, ruleOf, templateOf } from '../policy/size.ts'
import type { World } from './world.ts'

/** OPA with the policy of a world, asked for decisions on its calls. */
export interface Opa {
  /** @returns nanoseconds for each @throws Error when one was not allowed */
  decide(count: number): Promise<number>
  stop(): Promise<void>
}

/** The policy as OPA reads it: `{id}` is one segment. */
export function opaData(size: PolicySize, clientIds: readonly string[]): object {
  const rules = Array.from({ length: size.rules }, (_, rule) => [
    numbered('role', rule),
    [{ methods: ['GET'], path: templateOf(rule).replace('{id}', '*') }],
  ])
  const grants = clientIds.map((clientId, number) => [clientId, [numbered('role', ruleOf(number, size))]])
  return { grants: Object.fromEntries(grants), roles: Object.fromEntries(rules) }
}

export async function startOpa(
  { program, policy }: { program: string; policy: string },
  world: World,
  place: { directory: string; core: number },
): Promise<Opa> {
  const name = join(place.directory, `opa-${world.size.clients}`)
  const clientIds = world.clients.map(({ clientId }) => clientId)
  await writeFile(`${name}-data.json`, JSON.stringify(opaData(world.size, clientIds)))
  const requests = world.calls.map(({ client, path }) => ({ client: client.clientId, method: 'GET', path }))
  await writeFile(`${name}-requests.json`, JSON.stringify(requests))
  const files = [policy, `${name}-data.json`, `${name}-requests.json`]
  const child = spawn('taskset', ['--cpu-list', String(place.core), program, ...files], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async decide(count) {
      child.stdin.write(`${count}\n`)
      const { value, done } = await lines.next()
      if (done) throw new Error('OPA ended')
      const said = JSON.parse(value) as { nanoseconds: number; allowed: number }
      if (said.allowed !== count) throw new Error(`OPA allowed ${said.allowed} of ${count}`)
      return said.nanoseconds
    },
    async stop() {
      child.stdin.end()
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}
