import type { RequestOptions } from 'node:https'

/** What one request needs to reach the API server and be known there. Never logged. */
export interface KubeAccess {
  /** Base URL, without a trailing slash. */
  server: string
  /** Authorization and impersonation. */
  headers: Readonly<Record<string, string | string[]>>
  tls: TlsOptions
  /** URL of the proxy to go through, if there is one. */
  proxy?: string
  /** The namespace of the context, or the pod's own. */
  namespace?: string
}

export type TlsOptions = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>

/** Where the API server is and who we are there; credentials are renewed behind it. */
export interface KubeConnection {
  /** Current address and credentials, at most a minute old. @throws Error when a file or a plugin gives none. */
  access(): Promise<KubeAccess>
}
