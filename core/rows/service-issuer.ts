/** Who issues the tokens of a service. @param issuer of the installation @param service `namespace/name` */
export function serviceIssuer(issuer: string, service: string): string {
  return `${issuer}/services/${service}`
}
