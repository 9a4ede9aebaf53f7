/** `iss` of a client's tokens and base of its JWKS. @param issuerUrl of the installation */
export function issuerOf(issuerUrl: string, clientId: string): string {
  return `${issuerUrl}/v1/clients/${clientId}`
}

/** `aud` of a service that chose none. */
export function defaultAudience(namespace: string | undefined, name: string): string {
  return `https://${name}.${namespace}.svc`
}
