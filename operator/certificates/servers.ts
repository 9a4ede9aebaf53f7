import { admissionPathFile, admissionRandomPart } from '../../core/api/admission-path.ts'
import type { Config } from '../config.ts'
import { makeRandomPart } from './admission-path.ts'

/** A server with a certificate of ours. */
export interface Server {
  readonly process: 'issuer' | 'webhook' | 'authorizer'
  /** Of its Secret. */
  readonly name: string
  readonly hosts: string[]
  /** An entry of the Secret that is made anew with the certificate. */
  readonly beside?: { readonly file: string; fits(text: string | undefined): boolean; make(): string }
}

type About = Pick<Config, 'namespace' | 'fullname' | 'issuerUrl' | 'tlsHosts' | 'authorizer' | 'authorizerTlsHosts'>

export function serversOf(config: About): Server[] {
  const { fullname, namespace, authorizer, authorizerTlsHosts } = config
  const hostsOf = (process: string) => serviceHosts(`${fullname}-${process}`, namespace)
  const path = {
    file: admissionPathFile,
    fits: (text: string | undefined) => admissionRandomPart(text) !== undefined,
    make: makeRandomPart,
  }
  const servers: Server[] = [
    { process: 'issuer', name: `${fullname}-issuer-tls`, hosts: issuerHosts(config) },
    { process: 'webhook', name: `${fullname}-webhook-tls`, hosts: hostsOf('webhook'), beside: path },
  ]
  if (authorizer) {
    const hosts = [...hostsOf('authorizer'), ...authorizerTlsHosts]
    servers.push({ process: 'authorizer', name: `${fullname}-authorizer-tls`, hosts })
  }
  return servers
}

function serviceHosts(service: string, namespace: string): string[] {
  return [
    `${service}.${namespace}.svc`,
    `${service}.${namespace}.svc.cluster.local`,
    `${service}.${namespace}`,
    service,
  ]
}

function issuerHosts({ fullname, namespace, issuerUrl, tlsHosts }: About): string[] {
  const own = new URL(issuerUrl).hostname.replace(/^\[(.*)\]$/, '$1')
  return [
    ...new Set([...serviceHosts(`${fullname}-issuer`, namespace), own, ...tlsHosts].map(host => host.toLowerCase())),
  ]
}
