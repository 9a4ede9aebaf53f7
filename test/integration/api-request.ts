import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { json } from 'node:stream/consumers'
import { parse } from 'yaml'

/** What the API server said, word for word. Our own client keeps such texts out of its errors, since they quote input. */
export interface Answer {
  readonly status: number
  readonly body: { readonly message?: string }
  /** Its `Warning` headers, in one text. */
  readonly warnings: string
}

interface Kubeconfig {
  readonly clusters: [
    { cluster: { server: string; 'certificate-authority-data'?: string; 'certificate-authority'?: string } },
  ]
  readonly users: [{ user: Record<string, string | undefined> }]
}

/** Speaks to the API server as the user of a kubeconfig. */
export function apiRequests(kubeconfig: string) {
  const config = parse(readFileSync(kubeconfig, 'utf8')) as Kubeconfig
  const [{ cluster }] = config.clusters
  const [{ user }] = config.users
  const material = (from: Record<string, string | undefined>, name: string) => {
    const data = from[`${name}-data`]
    return data === undefined ? readFileSync(from[name] ?? '') : Buffer.from(data, 'base64')
  }
  const agent = new Agent({
    keepAlive: true,
    ca: material({ ...cluster }, 'certificate-authority'),
    cert: material(user, 'client-certificate'),
    key: material(user, 'client-key'),
  })
  const send = (method: string, path: string, body?: unknown): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const call = request(
        new URL(path, cluster.server),
        { method, agent, headers: { 'content-type': 'application/json' } },
        response =>
          json(response).then(
            found =>
              resolve({
                status: response.statusCode ?? 0,
                body: found as Answer['body'],
                warnings: String(response.headers.warning ?? ''),
              }),
            reject,
          ),
      )
      call.on('error', reject)
      call.end(body === undefined ? undefined : JSON.stringify(body))
    })
  return { send, close: () => agent.destroy() }
}
