import type { Resolved } from '../cluster/resolved.ts'
import type { AccessKey } from '../core/api/access-key.ts'
import { countedAccessKeys, isOver } from '../core/registry/client-share.ts'
import { clientOfKey, roleOfGrant } from '../core/registry/reach.ts'
import { networkPolicyName } from '../core/status/plan-network-policy.ts'
import type { Clock } from '../platform/clock.ts'
import type { KubeClient, KubeObject, Resource } from '../platform/kube/client.ts'
import { type Controller, type ControllerSource, createController } from '../platform/kube/controller.ts'
import type { Change, Reflector } from '../platform/kube/reflector.ts'
import { accessGrants, accessKeys, guardedServices, roles } from '../platform/kube/resources.ts'
import type { Requeue } from '../platform/kube/work-queue.ts'
import type { Logger } from '../platform/log.ts'
import type { Metrics } from '../platform/metrics.ts'
import { reconcileAccessGrant } from './access-grant.ts'
import { type AccessKeyIo, reconcileAccessKey } from './access-key/access-key.ts'
import type { Visits } from './access-key/visits.ts'
import { reconcileApiClient } from './api-client.ts'
import type { Certificates } from './certificates/certificates.ts'
import type { IssuerKeys } from './certificates/issuer-keys.ts'
import type { Context } from './context.ts'
import { reconcileGuardedService } from './guarded-service/guarded-service.ts'
import { reconcileRole } from './role.ts'
import { isUseAlone } from './usage/is-use-alone.ts'

export interface Parts {
  readonly context: Context
  readonly accessKeyIo: AccessKeyIo
  readonly visits: Visits
  readonly certificates: Certificates
  readonly admissionPath: { reconcile(): Promise<Requeue> }
  readonly issuerKeys: Pick<IssuerKeys, 'reconcile'>
  readonly client: Pick<KubeClient, 'get' | 'create' | 'update' | 'apply' | 'delete'>
  readonly log: Logger
  readonly clock?: Clock
  readonly metrics?: Metrics
}

export interface Controllers {
  readonly all: readonly Controller[]
  /** The certificate authorities became others: everything that holds a copy is looked at. */
  bundleChanged(): void
  /** The Secret of an AccessKey is another one than before, or the key pair that it waits for is there. */
  accessKeyChanged(key: string): void
  /** Ends what is not a source's subscription. */
  unsubscribe(): void
}

/** The controllers, with what makes each of them look at which key. */
export function createControllers(parts: Parts): Controllers {
  const { context, log, clock, metrics, visits } = parts
  const { sources, resolved, documents } = context
  const timed = { ...(clock && { clock }), ...(metrics && { metrics }) }
  const controller = (
    name: string,
    reconcile: (key: string) => Promise<Requeue>,
    from: ControllerSource[],
    workers = 4,
  ): Controller => createController({ name, reconcile, sources: from, workers, log, ...timed })

  // More workers: most of a pass is waiting, and a third of what the client has under way is left to all others.
  const accessKey = controller(
    'accesskey',
    key => visits.visit(key, () => reconcileAccessKey(key, parts.accessKeyIo)),
    [
      unvisited(sources.keys, visits),
      {
        reflector: sources.keys,
        keys: ({ type, object, old }) =>
          type === 'updated' && old && isOver(old) === isOver(object) ? [] : movedInShare(context, object),
      },
      inNamespace(sources.namespaces, sources.keys),
      {
        reflector: sources.roles,
        keys: ({ key, type }) => (type === 'updated' ? [] : sources.by.keysOfRole.get(key).map(keyOf)),
      },
    ],
    32,
  )
  // Until there is an authority no key is looked at.
  const isDue = (key: string): boolean =>
    parts.certificates.bundle() === undefined || accessKey.isDue(key) || visits.awaits(key)
  const apiClient = controller(
    'apiclient',
    key => reconcileApiClient(key, context, isDue),
    [own(sources.clients), { reflector: sources.keys, keys: ({ object }) => [clientOfKey(object)] }],
    12,
  )
  const role = controller('role', key => reconcileRole(key, context), [
    own(sources.roles),
    inNamespace(sources.namespaces, sources.roles),
    { reflector: sources.grants, keys: ({ object, old }) => [object, ...(old ? [old] : [])].map(roleOfGrant) },
  ])
  const accessGrant = controller('accessgrant', key => reconcileAccessGrant(key, context), [
    own(sources.grants),
    inNamespace(sources.namespaces, sources.grants),
    { reflector: sources.roles, keys: ({ key }) => sources.by.grantsOfRole.get(key).map(keyOf) },
  ])
  const guardedService = controller('guardedservice', key => reconcileGuardedService(key, context, parts.client), [
    own(sources.services),
    {
      reflector: sources.pods,
      keys: ({ object, type, old }) =>
        type === 'updated' && old?.status?.phase === object.status?.phase && isSameAge(old, object)
          ? []
          : servicesIn(context, object.metadata.namespace),
    },
    { reflector: sources.networkPolicies, keys: ({ object }) => servicesOfPolicy(context, object) },
  ])
  const certificate = controller(
    'certificates',
    key => reconcileCertificate(key, parts),
    [
      { reflector: sources.services, keys: ({ object }) => [`namespace/${object.metadata.namespace}`] },
      {
        reflector: sources.namespaces,
        keys: ({ object: { metadata } }) =>
          servicesIn(context, metadata.name).length > 0 ? [`namespace/${metadata.name}`] : [],
      },
      {
        reflector: sources.authorities,
        keys: ({ object: { metadata } }) =>
          servicesIn(context, metadata.namespace).length > 0 ? [`namespace/${metadata.namespace}`] : [],
      },
      ...sources.webhooks.map(reflector => ({ reflector, keys: () => ['webhooks', 'admission-path'] })),
      { reflector: sources.webhookEndpoints, keys: () => ['admission-path'] },
    ],
    2,
  )
  const issuerKeys = controller('issuerkeys', () => parts.issuerKeys.reconcile(), [], 1)

  certificate.enqueue('secrets')
  certificate.enqueue('admission-path')
  issuerKeys.enqueue('issuer-keys')
  const subscriptions = [
    settleTogether(resolved),
    // Also when nothing else is decided: a status may have to say that the document was read.
    documents.onChange(guardedService.enqueue),
    resolved.onClient(key => {
      apiClient.enqueue(key)
      for (const one of sources.by.keysOfClient.get(key)) accessKey.enqueue(keyOf(one))
      for (const one of sources.by.grantsOfClient.get(key)) accessGrant.enqueue(keyOf(one))
    }),
    resolved.onService(key => {
      guardedService.enqueue(key)
      for (const one of sources.by.rolesOfService.get(key)) role.enqueue(keyOf(one))
    }),
  ]
  const byResource = new Map<Resource, Controller>([
    [accessKeys, accessKey],
    [roles, role],
    [accessGrants, accessGrant],
    [guardedServices, guardedService],
  ])
  context.enforcement.onChange((resource, key) => byResource.get(resource)?.enqueue(key))
  return {
    all: [certificate, issuerKeys, apiClient, accessKey, role, accessGrant, guardedService],
    bundleChanged() {
      certificate.enqueue('webhooks')
      for (const { metadata } of sources.services.store.values()) certificate.enqueue(`namespace/${metadata.namespace}`)
      for (const key of sources.keys.store.keys()) accessKey.enqueue(key)
    },
    accessKeyChanged: accessKey.enqueue,
    unsubscribe: () => subscriptions.forEach(end => void end()),
  }
}

async function reconcileCertificate(
  key: string,
  { certificates, admissionPath, context }: Pick<Parts, 'certificates' | 'admissionPath' | 'context'>,
): Promise<Requeue> {
  if (key === 'secrets') return certificates.reconcileSecrets()
  if (key === 'webhooks') return certificates.reconcileWebhooks()
  if (key === 'admission-path') return admissionPath.reconcile()
  const namespace = key.slice('namespace/'.length)
  return context.resolved.isOurs(namespace) ? certificates.reconcileConfigMap(namespace) : undefined
}

/** After all events that arrived together: one change of a namespace concerns many. */
function settleTogether(resolved: Pick<Resolved, 'onStale' | 'settle'>): () => void {
  let scheduled = false
  return resolved.onStale(() => {
    if (scheduled) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      resolved.settle()
    })
  })
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`
}

function own<T extends KubeObject>(reflector: Reflector<T>): ControllerSource {
  return { reflector, keys: ({ key, object, old }: Change<T>) => (isUseAlone(old, object) ? [] : [key]) }
}

/** Without those changes that a visit has made itself, or sees to. */
function unvisited<T extends KubeObject>(keys: Reflector<T>, visits: Visits): ControllerSource {
  return {
    reflector: keys,
    keys({ type, key, object, old, resourceVersion }: Change<T>) {
      if (type === 'deleted') visits.forget(key)
      return isUseAlone(old, object) || (type !== 'deleted' && visits.covers(key, resourceVersion)) ? [] : [key]
    },
  }
}

/** All objects of a namespace that appeared, or whose labels say another installation than before. */
function inNamespace<T extends KubeObject>(namespaces: Reflector<KubeObject>, objects: Reflector<T>): ControllerSource {
  return {
    reflector: namespaces,
    keys: ({ object, old }: Change<KubeObject>) => {
      if (old && JSON.stringify(old.metadata.labels) === JSON.stringify(object.metadata.labels)) return []
      return [...objects.store.keys()].filter(key => key.startsWith(`${object.metadata.name}/`))
    },
  }
}

function servicesIn({ sources }: Context, namespace: string | undefined): string[] {
  return [...sources.services.store.keys()].filter(key => key.startsWith(`${namespace}/`))
}

/** Those whose policy has, or would have, this name. */
function servicesOfPolicy({ sources }: Context, { metadata }: KubeObject): string[] {
  const { namespace, name } = metadata
  if (!name.startsWith('latchkey-')) return []
  return [...sources.services.store.values()].flatMap(service =>
    service.metadata.namespace === namespace && networkPolicyName(service.metadata.name) === name
      ? [keyOf(service)]
      : [],
  )
}

function isSameAge(old: KubeObject | undefined, object: KubeObject): boolean {
  const marks = (one: KubeObject | undefined) => JSON.stringify([one?.metadata.labels, one?.metadata.annotations])
  return old?.metadata.deletionTimestamp === object.metadata.deletionTimestamp && marks(old) === marks(object)
}

/** AccessKeys of the same client that have a place now and say they have none, or the other way round. */
function movedInShare({ sources }: Context, accessKey: AccessKey): string[] {
  const all = sources.by.keysOfClient.get(clientOfKey(accessKey))
  const counted = new Set<AccessKey>(countedAccessKeys(all))
  return all.flatMap(one => {
    const accepted = one.status?.conditions?.find(({ type }) => type === 'Accepted')
    const isMoved = counted.has(one) ? accepted?.reason === 'TooManyAccessKeys' : accepted?.status === 'True'
    return isMoved ? [keyOf(one)] : []
  })
}
