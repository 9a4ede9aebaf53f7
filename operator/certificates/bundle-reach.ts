import type { Resolved } from '../../cluster/resolved.ts'
import type { AccessKey } from '../../core/api/access-key.ts'
import { secretNameOf } from '../../core/keys/secret-data.ts'
import type { KubeClient, KubeObject, Resource } from '../../platform/kube/client.ts'
import { mutatingWebhooks, secrets, validatingWebhooks } from '../../platform/kube/resources.ts'
import type { Logger } from '../../platform/log.ts'
import { type SecretOf, textsOf } from '../owned-objects.ts'
import { caConfigMap, type Sources } from '../sources.ts'
import type { WebhookConfiguration } from './plan-admission-path.ts'

const mostForgotten = 1_000
const mostNamed = 5

/** Who has which authorities: what is signed by one that somebody does not know is refused there. */
export interface BundleReach {
  /** The client, for the passes over AccessKeys: what they find or write in Secrets is remembered, for Secrets are not listed. */
  observing<Client extends Pick<KubeClient, 'get' | 'create' | 'update'>>(client: Client): Client
  /** Whether everything that trusts a bundle of ours has this certificate in it, as it stands there now. */
  has(certificate: string): Promise<boolean>
  /** How many had it not when last asked. */
  lacking(): number
}

/**
 * @param about.bundle the bundle as everything should have it
 * @param about.servers names of the Secrets of serving certificates
 */
export function createBundleReach(about: {
  readonly client: Pick<KubeClient, 'get'>
  readonly sources: Pick<Sources, 'services' | 'authorities' | 'namespaces' | 'keys'>
  readonly resolved: Pick<Resolved, 'isOurs'>
  readonly config: { readonly namespace: string; readonly fullname: string }
  readonly servers: readonly string[]
  bundle(): string | undefined
  readonly log: Logger
}): BundleReach {
  const { client, sources, resolved, config, log } = about
  /** Of each Secret of an AccessKey, by its place, the whole bundle that the last pass found in it. */
  let held = new Map<string, string>()
  let count = 0
  let told = ''

  function remember(place: string, found: SecretOf | undefined): void {
    const bundle = about.bundle()
    if (bundle !== undefined && textsOf(found)['ca.crt'] === bundle) held.set(place, bundle)
    else held.delete(place)
    if (held.size <= sources.keys.store.size + mostForgotten) return
    const places = new Set([...sources.keys.store.values()].map(placeOf))
    held = new Map([...held].filter(([one]) => places.has(one)))
  }

  function configMapsWithout(certificate: string): string[] {
    const namespaces = new Set([...sources.services.store.values()].map(({ metadata }) => metadata.namespace ?? ''))
    return [...namespaces]
      .filter(name => resolved.isOurs(name) && !sources.namespaces.store.get(name)?.metadata.deletionTimestamp)
      .filter(name => !sources.authorities.store.get(`${name}/${caConfigMap}`)?.data?.['ca.crt']?.includes(certificate))
      .map(name => `ConfigMap ${name}/${caConfigMap}`)
  }

  /** Only Secrets that are in use: one that is revoked, refused or not written yet has no reader. */
  function clientSecretsWithout(certificate: string): string[] {
    return [...sources.keys.store.values()]
      .filter(key => isInUse(key) && resolved.isOurs(key.metadata.namespace))
      .map(placeOf)
      .filter(place => !held.get(place)?.includes(certificate))
      .map(place => `Secret ${place}`)
  }

  async function ownWithout(certificate: string): Promise<string[]> {
    const { namespace, fullname } = config
    const serving = about.servers.map(async name => {
      const files = textsOf(await client.get<SecretOf>(secrets, namespace, name))
      return files['tls.crt'] === undefined || files['ca.crt']?.includes(certificate)
        ? []
        : [`Secret ${namespace}/${name}`]
    })
    const webhooks = [validatingWebhooks, mutatingWebhooks].map(async resource => {
      const found = await client.get<WebhookConfiguration>(resource, undefined, fullname)
      const bundles = (found?.webhooks ?? []).map(({ clientConfig }) =>
        Buffer.from(clientConfig.caBundle ?? '', 'base64'),
      )
      return bundles.every(bundle => bundle.includes(certificate)) ? [] : [`${resource.kind} ${fullname}`]
    })
    return (await Promise.all([...serving, ...webhooks])).flat()
  }

  function look(resource: Resource, namespace: string | undefined, name: string, found: SecretOf | undefined): void {
    if (resource.plural === secrets.plural && resource.group === '') remember(`${namespace}/${name}`, found)
  }

  return {
    observing: observed => ({
      ...observed,
      async get<T extends KubeObject>(...asked: Parameters<KubeClient['get']>): Promise<T | undefined> {
        const found = await observed.get<T>(...asked)
        look(...asked, found)
        return found
      },
      async create<T extends KubeObject>(resource: Resource, object: T, options?: { dryRun?: boolean }): Promise<T> {
        const made = await observed.create(resource, object, options)
        look(resource, object.metadata.namespace, object.metadata.name, made)
        return made
      },
      async update<T extends KubeObject>(resource: Resource, object: T): Promise<T> {
        const made = await observed.update(resource, object)
        look(resource, object.metadata.namespace, object.metadata.name, made)
        return made
      },
    }),
    lacking: () => count,
    async has(certificate) {
      const without = [
        ...configMapsWithout(certificate),
        ...clientSecretsWithout(certificate),
        ...(await ownWithout(certificate)),
      ]
      count = without.length
      const named = without.slice(0, mostNamed)
      if (count > 0 && told !== named.join())
        log.warn({ count, named }, 'the next authority is not known everywhere yet')
      told = named.join()
      return count === 0
    },
  }
}

function isInUse({ spec, status }: AccessKey): boolean {
  const stalled = status?.conditions?.some(({ type, status }) => type === 'Stalled' && status === 'True')
  return !spec.publicKey && !stalled && (status?.state === 'Active' || status?.state === 'Suspended')
}

function placeOf(accessKey: AccessKey): string {
  return `${accessKey.metadata.namespace}/${secretNameOf(accessKey)}`
}
