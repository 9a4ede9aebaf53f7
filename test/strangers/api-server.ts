import { once } from 'node:events'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import type { Question, Verdict } from './stranger.ts'

/** A kube-apiserver whose AuthenticationConfiguration a test may write: the server reads it again by itself. */
export interface ApiServerAccess {
  readonly url: string
  readonly caFile: string
  readonly authenticationConfig: string
}

/** Prefix of user names that the configuration below gives. */
export const usernamePrefix = 'latchkey:'

/** An AuthenticationConfiguration that trusts these issuers. JSON is YAML. */
function trusting(issuers: readonly string[], audience: string, ca: string): string {
  const config = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthenticationConfiguration',
    jwt: issuers.map(url => ({
      issuer: { url, audiences: [audience], certificateAuthority: ca },
      claimMappings: { username: { claim: 'sub', prefix: usernamePrefix } },
    })),
  }
  return `${JSON.stringify(config, null, 2)}\n`
}

/**
 * Makes the API server trust the issuer, asks it who each token's bearer is, and puts the configuration back.
 * @param others issuers that are trusted as well
 */
export async function askApiServer(
  server: ApiServerAccess,
  question: Question,
  others: readonly string[] = [],
): Promise<Verdict[]> {
  const before = await readFile(server.authenticationConfig, 'utf8')
  const ca = await readFile(question.caFile, 'utf8')
  await replace(server.authenticationConfig, trusting([question.issuer, ...others], question.audience, ca))
  try {
    return await judgeAll(server, question.tokens)
  } finally {
    await replace(server.authenticationConfig, before)
  }
}

/** The first token is asked about until the server has read its configuration and fetched the keys, or 2 min passed. */
async function judgeAll(server: ApiServerAccess, tokens: readonly string[]): Promise<Verdict[]> {
  const deadline = performance.now() + 120_000
  const [first = '', ...others] = tokens
  let verdict = await whoIs(server, first)
  while (!verdict.accepted && performance.now() < deadline) {
    await new Promise(resolve => setTimeout(resolve, 1_000))
    verdict = await whoIs(server, first)
  }
  const rest = await Promise.all(others.map(token => whoIs(server, token)))
  return [verdict, ...rest]
}

/** Moved into place, so that the server never reads half of it. */
async function replace(file: string, text: string): Promise<void> {
  await writeFile(`${file}.next`, text, { mode: 0o600 })
  await rename(`${file}.next`, file)
}

/** Asks with a SelfSubjectReview, which every authenticated user may create. */
async function whoIs(server: ApiServerAccess, token: string): Promise<Verdict> {
  const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
  const asking = request(`${server.url}/apis/authentication.k8s.io/v1/selfsubjectreviews`, {
    method: 'POST',
    ca: await readFile(server.caFile),
    agent: false,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  }).end(JSON.stringify(review))
  const [answer] = await once(asking, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk)
  const body = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  const username: unknown = body.status?.userInfo?.username
  if (answer.statusCode === 201 && typeof username === 'string') return { accepted: true, why: username }
  return { accepted: false, why: `${answer.statusCode} ${body.reason ?? ''} ${body.message ?? ''}` }
}
