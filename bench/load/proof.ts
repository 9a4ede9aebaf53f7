import type { Contestant } from '../peers/contestant.ts'
import { type Body, bodies } from '../peers/nginx.ts'
import { type BenchClient, benchClient, clientToken, nowSeconds } from '../policy/clients.ts'
import { pathOf } from '../policy/size.ts'

/** What is asked of a program before it is measured: one that decides nothing, or answers less, would be faster. */
interface Question {
  readonly what: string
  readonly path: string
  readonly token?: string
  readonly status: number
  readonly bytes?: number
}

/** @throws Error when a program lets pass what it must refuse, or the other way round */
export async function proveDecides(contestants: readonly Contestant[], client: BenchClient): Promise<void> {
  const token = clientToken(client, 'proof', nowSeconds())
  const forged = clientToken({ ...client, privateKey: benchClient(999_999).privateKey }, 'forged', nowSeconds())
  await askAll(contestants, [
    ...passing(token),
    { what: 'no token', path: pathOf(0), status: 401 },
    { what: 'a forged token', path: pathOf(0), token: forged, status: 401 },
    { what: 'a path without a grant', path: '/api/other/100b', token, status: 403 },
  ])
}

/** @throws Error when a program that authorizes nothing does not answer in full */
export async function provePasses(contestants: readonly Contestant[], client: BenchClient): Promise<void> {
  await askAll(contestants, passing(clientToken(client, 'proof', nowSeconds())))
}

function passing(token: string): Question[] {
  return (Object.entries(bodies) as [Body, number][]).map(([body, bytes]) => {
    return { what: body, path: pathOf(0, body), token, status: 200, bytes }
  })
}

async function askAll(contestants: readonly Contestant[], questions: readonly Question[]): Promise<void> {
  for (const { name, url } of contestants) {
    for (const { what, path, token, status, bytes } of questions) {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
      const answer = await fetch(`${url}${path}`, { headers })
      const { length } = await answer.bytes()
      if (answer.status !== status || (bytes !== undefined && length !== bytes)) {
        throw new Error(`${name}, ${what}: status ${answer.status} with ${length} bytes, not ${status} ${bytes ?? ''}`)
      }
    }
  }
}
