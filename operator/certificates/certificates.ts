import { admissionPathFile, admissionRandomPart } from '../../core/api/admission-path.ts'
import { isSameJson } from '../../core/base/canonical-json.ts'
import type { Clock } from '../../platform/clock.ts'
import { type KubeClient, KubeError, type OwnerReference, type Resource } from '../../platform/kube/client.ts'
import { configMaps, mutatingWebhooks, secrets, validatingWebhooks } from '../../platform/kube/resources.ts'
import type { Requeue } from '../../platform/kube/work-queue.ts'
import type { Logger } from '../../platform/log.ts'
import { createAuthority, createServerCertificate } from '../../platform/x509.ts'
import type { Config } from '../config.ts'
import { managedLabels, readOwner, type SecretOf, textsOf, writeSecret } from '../owned-objects.ts'
import { type ConfigMapOf, caConfigMap } from '../sources.ts'
import { fieldManager } from '../status.ts'
import { makeRandomPart } from './admission-path.ts'
import type { WebhookConfiguration } from './plan-admission-path.ts'
import {
  type AuthorityState,
  authorityFiles,
  authorityLifetimeMs,
  planAuthority,
  planServing,
  servingLifetimeMs,
  staged,
} from './plan-certificates.ts'

// Nobody tells us when a Secret of ours was edited or deleted.
const rereadMs = 10 * 60_000

/** The installation's own authority and what it signs. Each method may be run at any time, by two leaders at once. */
export interface Certificates {
  /** Brings authority and serving certificates up to date. */
  reconcileSecrets(): Promise<Requeue>
  /** The ConfigMap latchkey-ca of one namespace. */
  reconcileConfigMap(namespace: string): Promise<Requeue>
  /** caBundle of the webhook configurations named like the release. */
  reconcileWebhooks(): Promise<Requeue>
  /** The bundle that clients and guards trust; undefined until it was read or made. */
  bundle(): string | undefined
}

export interface CertificatesOptions {
  client: Pick<KubeClient, 'get' | 'create' | 'update' | 'apply'>
  config: Pick<Config, 'namespace' | 'fullname' | 'issuerUrl' | 'tlsHosts' | 'authorizer' | 'authorizerTlsHosts'>
  /** Called when the bundle became another one. */
  onBundle(): void
  log: Logger
  clock: Pick<Clock, 'wallMs'>
}

export function createCertificates(options: CertificatesOptions): Certificates {
  const { client, config, log, clock } = options
  const { namespace, fullname } = config
  let bundle: string | undefined
  let owners: OwnerReference[] | undefined

  const ownersOnce = async (): Promise<OwnerReference[]> => {
    owners ??= await readOwner(client, fullname)
    return owners
  }
  const read = async (name: string): Promise<SecretOf | undefined> => client.get<SecretOf>(secrets, namespace, name)
  const write = async (
    name: string,
    files: Record<string, string>,
    previous: SecretOf | undefined,
  ): Promise<boolean> => {
    const taken = await writeSecret(client, { namespace, name, owners: await ownersOnce(), files }, previous)
    log.info({ object: name, taken }, 'certificate written')
    return taken
  }

  /** @returns undefined when something was written: look again */
  async function authority(now: Date): Promise<{ state: AuthorityState; nextAt: number } | undefined> {
    const name = `${fullname}-ca`
    const secret = await read(name)
    const plan = planAuthority(textsOf(secret), now)
    const make = () => createAuthority({ commonName: `${fullname} ${namespace}`, now, lifetimeMs: authorityLifetimeMs })
    switch (plan.do) {
      case 'keep':
        return plan
      case 'write':
        await write(name, authorityFiles(plan.state), secret)
        return undefined
      case 'stage':
        await write(name, authorityFiles(staged(plan.state, await make(), now)), secret)
        return undefined
      case 'create': {
        const current = await make()
        await write(name, authorityFiles({ current, bundle: current.certificate }), secret)
        return undefined
      }
    }
  }

  async function serving(server: Server, state: AuthorityState, now: Date): Promise<number> {
    const { name, hosts, beside } = server
    const secret = await read(name)
    const files = textsOf(secret)
    const plan = planServing(files, { authority: state, hosts }, now)
    if (plan.do === 'keep') {
      const missing = beside && !beside.fits(files[beside.file]) ? { [beside.file]: beside.make() } : undefined
      if (!plan.bundleFits || missing) await write(name, { ...files, ...missing, 'ca.crt': state.bundle }, secret)
      return plan.nextAt
    }
    const made = await createServerCertificate({ authority: state.current, hosts, now, lifetimeMs: servingLifetimeMs })
    const next = { 'tls.crt': made.certificate, 'tls.key': made.privateKey, 'ca.crt': state.bundle }
    await write(name, { ...next, ...(beside && { [beside.file]: beside.make() }) }, secret)
    return now.getTime()
  }

  return {
    bundle: () => bundle,
    async reconcileSecrets() {
      const now = new Date(clock.wallMs())
      const found = await authority(now)
      if (!found) return { requeueAfterMs: 0 }
      if (bundle !== found.state.bundle) {
        bundle = found.state.bundle
        options.onBundle()
      }
      const moments = [found.nextAt]
      for (const server of serversOf(config)) moments.push(await serving(server, found.state, now))
      return { requeueAfterMs: Math.min(rereadMs, Math.max(0, Math.min(...moments) - now.getTime())) }
    },
    async reconcileConfigMap(target) {
      if (bundle === undefined) return { requeueAfterMs: 200 }
      const current = await client.get<ConfigMapOf>(configMaps, target, caConfigMap)
      if (current?.data?.['ca.crt'] === bundle) return undefined
      const ownerReferences = await ownersOnce()
      const metadata = { name: caConfigMap, namespace: target, labels: managedLabels, ownerReferences }
      await client.apply<ConfigMapOf>(
        configMaps,
        { metadata, data: { 'ca.crt': bundle } },
        { fieldManager, force: true },
      )
      return undefined
    },
    async reconcileWebhooks() {
      if (bundle === undefined) return { requeueAfterMs: 200 }
      const encoded = Buffer.from(bundle).toString('base64')
      for (const resource of [validatingWebhooks, mutatingWebhooks])
        await patchBundle(client, resource, fullname, encoded)
      return { requeueAfterMs: rereadMs }
    },
  }
}

/** Writes nothing but caBundle: the list of webhooks is keyed by name, so the rest stays its maker's. */
async function patchBundle(
  client: CertificatesOptions['client'],
  resource: Resource,
  name: string,
  caBundle: string,
): Promise<void> {
  const found = await client.get<WebhookConfiguration>(resource, undefined, name)
  const webhooks = (found?.webhooks ?? []).map(webhook => ({ name: webhook.name, clientConfig: { caBundle } }))
  const current = (found?.webhooks ?? []).map(webhook => webhook.clientConfig.caBundle)
  if (
    !found ||
    isSameJson(
      current,
      webhooks.map(() => caBundle),
    )
  )
    return
  try {
    await client.apply<WebhookConfiguration>(resource, { metadata: { name }, webhooks }, { fieldManager, force: true })
  } catch (error) {
    // It went, or a webhook of it did, between reading and writing; its next event brings us here again.
    if (!(error instanceof KubeError) || (error.status !== 404 && error.status !== 422)) throw error
  }
}

/** A server with a certificate of ours. */
interface Server {
  /** Of its Secret. */
  readonly name: string
  readonly hosts: string[]
  /** An entry of the Secret that is made anew with the certificate. */
  readonly beside?: { readonly file: string; fits(text: string | undefined): boolean; make(): string }
}

function serversOf(config: CertificatesOptions['config']): Server[] {
  const { fullname, namespace, authorizer, authorizerTlsHosts } = config
  const hostsOf = (process: string) => serviceHosts(`${fullname}-${process}`, namespace)
  const path = {
    file: admissionPathFile,
    fits: (text: string | undefined) => admissionRandomPart(text) !== undefined,
    make: makeRandomPart,
  }
  const servers: Server[] = [
    { name: `${fullname}-issuer-tls`, hosts: issuerHosts(config) },
    { name: `${fullname}-webhook-tls`, hosts: hostsOf('webhook'), beside: path },
  ]
  if (authorizer) {
    servers.push({ name: `${fullname}-authorizer-tls`, hosts: [...hostsOf('authorizer'), ...authorizerTlsHosts] })
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

function issuerHosts({ fullname, namespace, issuerUrl, tlsHosts }: CertificatesOptions['config']): string[] {
  const own = new URL(issuerUrl).hostname.replace(/^\[(.*)\]$/, '$1')
  return [
    ...new Set([...serviceHosts(`${fullname}-issuer`, namespace), own, ...tlsHosts].map(host => host.toLowerCase())),
  ]
}
