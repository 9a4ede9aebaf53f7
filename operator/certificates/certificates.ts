import { isSameJson } from '../../core/base/canonical-json.ts'
import type { Clock } from '../../platform/clock.ts'
import { type KubeClient, KubeError, type OwnerReference, type Resource } from '../../platform/kube/client.ts'
import { configMaps, mutatingWebhooks, secrets, validatingWebhooks } from '../../platform/kube/resources.ts'
import type { Requeue } from '../../platform/kube/work-queue.ts'
import type { Logger } from '../../platform/log.ts'
import { createAuthority, createServerCertificate, readCertificate } from '../../platform/x509.ts'
import type { Config } from '../config.ts'
import { managedLabels, readOwner, type SecretOf, textsOf, writeSecret } from '../owned-objects.ts'
import { type ConfigMapOf, caConfigMap } from '../sources.ts'
import { fieldManager } from '../status.ts'
import type { WebhookConfiguration } from './plan-admission-path.ts'
import {
  type AuthorityState,
  authorityFiles,
  authorityLifetimeMs,
  planAuthority,
  planServing,
  replaced,
  type ServingPlan,
  servingLifetimeMs,
  staged,
  withoutRetired,
} from './plan-certificates.ts'
import type { ReadRequest } from './rotation-requests.ts'
import { type Server, serversOf } from './servers.ts'

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
  /** When each ends and when it is due to be renewed, milliseconds since epoch, as the last pass found them. */
  dates(): ReadonlyMap<CertificateName, { readonly notAfter: number; readonly dueAt: number }>
}

export type CertificateName = 'authority' | Server['process']

export interface CertificatesOptions {
  client: Pick<KubeClient, 'get' | 'create' | 'update' | 'apply'>
  config: Pick<Config, 'namespace' | 'fullname' | 'issuerUrl' | 'tlsHosts' | 'authorizer' | 'authorizerTlsHosts'>
  /** Called when the bundle became another one. */
  onBundle(): void
  /** Whether everything that trusts a bundle of ours has this authority in it. */
  hasReached(certificate: string): Promise<boolean>
  readonly request: ReadRequest
  log: Logger
  clock: Pick<Clock, 'wallMs'>
}

export function createCertificates(options: CertificatesOptions): Certificates {
  const { client, config, log, clock, hasReached } = options
  const { namespace, fullname } = config
  const authorityName = `${fullname}-ca`
  const servers = serversOf(config)
  const dates = new Map<CertificateName, { notAfter: number; dueAt: number }>()
  let bundle: string | undefined
  let owners: OwnerReference[] | undefined

  const ownersOnce = async (): Promise<OwnerReference[]> => {
    owners ??= await readOwner(client, fullname)
    return owners
  }
  const requestOf = (secret: SecretOf | undefined): { readonly requestedAt?: number } => {
    const requestedAt = options.request(secret)
    return requestedAt === undefined ? {} : { requestedAt: requestedAt * 1_000 }
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

  /** What is left of a bundle where the authority's own Secret is gone. */
  async function knownBundles(secret: SecretOf | undefined): Promise<string[]> {
    const served = await Promise.all(servers.map(({ name }) => read(name)))
    return [secret, ...served].map(one => textsOf(one)['ca.crt'] ?? '')
  }

  /** @returns undefined when something was written: look again */
  async function authority(now: Date): Promise<Found | undefined> {
    const secret = await read(authorityName)
    const about = { hasReached, ...requestOf(secret) }
    const plan = await planAuthority(textsOf(secret), about, now)
    const make = () => createAuthority({ commonName: `${fullname} ${namespace}`, now, lifetimeMs: authorityLifetimeMs })
    switch (plan.do) {
      case 'keep': {
        const notAfter = readCertificate(plan.state.current)?.notAfter.getTime() ?? 0
        dates.set('authority', { notAfter, dueAt: plan.dueAt })
        return { ...plan, secret }
      }
      case 'write':
        await write(authorityName, authorityFiles(plan.state), secret)
        return undefined
      case 'stage':
        await write(authorityName, authorityFiles(staged(plan.state, await make(), now)), secret)
        return undefined
      case 'create': {
        const known = await knownBundles(secret)
        await write(authorityName, authorityFiles(replaced(await make(), known, now)), secret)
        return undefined
      }
    }
  }

  /** @returns undefined when it was made anew: look again */
  async function serving(server: Server, state: AuthorityState, now: Date): Promise<Kept | undefined> {
    const { name, hosts, beside, process } = server
    const secret = await read(name)
    const files = textsOf(secret)
    const plan = await planServing(files, { authority: state, hosts, hasReached, ...requestOf(secret) }, now)
    if (plan.do === 'keep') {
      const missing = beside && !beside.fits(files[beside.file]) ? { [beside.file]: beside.make() } : undefined
      if (!plan.bundleFits || missing) await write(name, { ...files, ...missing, 'ca.crt': state.bundle }, secret)
      dates.set(process, { notAfter: plan.notAfter, dueAt: plan.dueAt })
      return plan
    }
    const made = await createServerCertificate({ authority: state.current, hosts, now, lifetimeMs: servingLifetimeMs })
    const next = { 'tls.crt': made.certificate, 'tls.key': made.privateKey, 'ca.crt': state.bundle }
    await write(name, { ...next, ...(beside && { [beside.file]: beside.make() }) }, secret)
    return undefined
  }

  /**
   * Takes authorities that sign nothing any more out of the bundle. @returns when that is due, Infinity where none is
   * there or one is still needed; undefined when something was written: look again
   */
  async function retire({ state, secret }: Found, kept: readonly Kept[], now: Date): Promise<number | undefined> {
    const left = withoutRetired(state, now)
    const settledAt = Math.max(...kept.map(one => one.settledAt ?? Number.POSITIVE_INFINITY))
    if (!left || settledAt > now.getTime()) return left ? settledAt : Number.POSITIVE_INFINITY
    await write(authorityName, authorityFiles(left), secret)
    return undefined
  }

  return {
    bundle: () => bundle,
    dates: () => dates,
    async reconcileSecrets() {
      const now = new Date(clock.wallMs())
      const found = await authority(now)
      if (!found) return { requeueAfterMs: 0 }
      if (bundle !== found.state.bundle) {
        bundle = found.state.bundle
        options.onBundle()
      }
      const kept: (Kept | undefined)[] = []
      for (const server of servers) kept.push(await serving(server, found.state, now))
      const all = kept.filter(one => one !== undefined)
      const retireAt = all.length === kept.length ? await retire(found, all, now) : undefined
      if (retireAt === undefined) return { requeueAfterMs: 0 }
      const next = Math.min(found.nextAt, retireAt, ...all.map(({ nextAt }) => nextAt))
      return { requeueAfterMs: Math.min(rereadMs, Math.max(0, next - now.getTime())) }
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

interface Found {
  readonly state: AuthorityState
  readonly secret: SecretOf | undefined
  readonly nextAt: number
}
type Kept = Extract<ServingPlan, { do: 'keep' }>

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
