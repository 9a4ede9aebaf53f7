import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { isRecord } from '../../../core/base/is-record.ts'
import { bytesOf, type Entry, textOf } from './entry.ts'

/** What a plugin gives: a token, or a client certificate with its key. */
export interface PluginCredential {
  readonly token?: string
  readonly cert?: string
  readonly key?: string
}

/** What it runs in. */
export interface Around {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Whether somebody sits at standard input, whom the program may ask. */
  readonly isTerminal: boolean
}

/**
 * The credential of the program that a user's `exec` names; it is run again when what it gave has expired. It may talk to
 * whoever sits there: by standard error, and by standard input where that is a terminal.
 * @returns what gives the credential. @throws Error without a word of what the plugin printed
 * @see https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
 */
export function createExecPlugin(exec: Entry, cluster: Entry, around: Around): () => Promise<PluginCredential> {
  let kept: { credential: PluginCredential; until: number } | undefined
  return async () => {
    if (kept && Date.now() < kept.until) return kept.credential
    kept = readCredential(await run(exec, cluster, around), exec)
    return kept.credential
  }
}

async function run(exec: Entry, cluster: Entry, { env, isTerminal }: Around): Promise<string> {
  const command = textOf(exec, 'command')
  if (command === undefined) throw new Error(`user ${exec.name} names no command to run`)
  // As client-go has it: a path is relative to the kubeconfig, a bare name is looked for.
  const program = command.includes('/') ? resolve(exec.folder, command) : command
  const mode = textOf(exec, 'interactiveMode') ?? 'IfAvailable'
  const interactive = mode !== 'Never' && isTerminal
  if (mode === 'Always' && !interactive)
    throw new Error(`${command} needs a terminal to ask at, and standard input is none`)
  const child = spawn(program, list(exec.fields.args).map(String), {
    env: { ...env, ...variables(exec), KUBERNETES_EXEC_INFO: await info(exec, cluster, interactive) },
    stdio: [interactive ? 'inherit' : 'ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout?.setEncoding('utf8').on('data', more => (printed += more))
  return new Promise((done, fail) => {
    child.on('error', ({ code }: NodeJS.ErrnoException) => {
      const hint = textOf(exec, 'installHint')
      fail(
        new Error(`${command} cannot be run: ${code}${hint === undefined ? '' : `; ${hint.replaceAll(/\s+/g, ' ')}`}`),
      )
    })
    child.on('close', (code, signal) => {
      if (code === 0) done(printed)
      else fail(new Error(`${command} gives no credential: it ended with ${signal ?? code}`))
    })
  })
}

/** What the plugin is told. */
async function info(exec: Entry, cluster: Entry, interactive: boolean): Promise<string> {
  const ca = await bytesOf(cluster, 'certificate-authority')
  const fields = ['server', 'tls-server-name', 'insecure-skip-tls-verify', 'proxy-url'] as const
  const extension = list(cluster.fields.extensions).find(
    one => isRecord(one) && one.name === 'client.authentication.k8s.io/exec',
  )
  const about = {
    ...Object.fromEntries(fields.flatMap(name => (cluster.fields[name] ? [[name, cluster.fields[name]]] : []))),
    ...(ca && { 'certificate-authority-data': ca.toString('base64') }),
    config: isRecord(extension) ? (extension.extension ?? null) : null,
  }
  return JSON.stringify({
    kind: 'ExecCredential',
    apiVersion: textOf(exec, 'apiVersion'),
    spec: { ...(exec.fields.provideClusterInfo === true && { cluster: about }), interactive },
  })
}

function variables(exec: Entry): Record<string, string> {
  const pairs = list(exec.fields.env).filter(isRecord)
  return Object.fromEntries(pairs.map(({ name, value }) => [String(name), String(value ?? '')]))
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function readCredential(printed: string, exec: Entry): { credential: PluginCredential; until: number } {
  const wrong = (what: string): Error => new Error(`${textOf(exec, 'command')} gives no credential: ${what}`)
  let answer: unknown
  try {
    answer = JSON.parse(printed)
  } catch {
    throw wrong('what it printed is no JSON')
  }
  const wanted = textOf(exec, 'apiVersion')
  if (!isRecord(answer) || answer.kind !== 'ExecCredential' || answer.apiVersion !== wanted)
    throw wrong(`what it printed is no ExecCredential of ${wanted}`)
  const status = isRecord(answer.status) ? answer.status : {}
  const { token, clientCertificateData: cert, clientKeyData: key, expirationTimestamp } = status
  if (!token && !(cert && key)) throw wrong('there is neither a token in it nor a certificate with its key')
  const until = expirationTimestamp ? Date.parse(String(expirationTimestamp)) : Number.POSITIVE_INFINITY
  if (Number.isNaN(until)) throw wrong('its expirationTimestamp is no time')
  return {
    credential: {
      ...(token ? { token: String(token) } : {}),
      ...(cert && key ? { cert: String(cert), key: String(key) } : {}),
    },
    until,
  }
}
