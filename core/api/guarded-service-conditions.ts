import { pausedReasons, repeated } from './kind.ts'

const acceptedReasons = {
  Accepted: 'The service is understood and holds its target and audience.',
  TargetNotFound: 'No Service of that name or no such port. Create it or correct spec.targetRef.',
  TargetConflict: 'An older GuardedService holds this Service port. Delete one of the two.',
  AudienceConflict:
    'Another GuardedService holds this audience. Choose another one. Where that one is of another namespace, this answer stays until the spec changes or the object is made anew.',
  AudienceReserved: 'This audience belongs to another service, to the issuer or to the API server. Choose another one.',
  RouteConflict: 'Two routes match the same requests equally well; the message names them. Change one.',
  OpenApiNotFound: 'The ConfigMap or its key does not exist. Create it or correct spec.openapi.configMapRef.',
  OpenApiInvalid: 'The OpenAPI document cannot be used; the message says where.',
  OpenApiUnread: 'The OpenAPI document could not be fetched yet; it is tried again. Guards are told nothing meanwhile.',
  OpenApiOutdated:
    'Accepted, but the OpenAPI document is missing, cannot be used or could not be fetched; the message says which. The routes that were read before stay in force.',
  Invalid: 'A field is wrong; the message names it.',
}

/** Conditions of a GuardedService with their closed lists of reasons. */
export const guardedServiceConditions = {
  Accepted: acceptedReasons,
  Ready: {
    Ready: 'The policy is published.',
    ...repeated(acceptedReasons),
    ...pausedReasons,
    NothingListens:
      "The policy is published, but in some pod nothing listens where the guard reaches the app, so calls are answered 502. Name the app's port in the pod annotation latchkey.dev/upstream-port, and let it listen on 127.0.0.1; or its socket in latchkey.dev/upstream-socket.",
    GuardsOutdated:
      'The policy is published, but it says what guards of earlier releases do not know. They deny what that touches, with policy_unsupported; the message names their pods and the release that they need. Roll them out again.',
    NotIsolated:
      'The policy is published, but the NetworkPolicy that spec.networkPolicy asks for is not there; see the condition Isolated.',
  },
  Paused: pausedReasons,
  Isolated: {
    Isolated: "The NetworkPolicy is there. Whether it holds is up to the cluster's network.",
    NotAccepted: 'The service is not accepted; the message says why. A NetworkPolicy that was made before stays.',
    NetworkPolicyConflict:
      'A NetworkPolicy of that name is not of this GuardedService. It stays untouched; delete or rename it.',
    NetworkPolicyForbidden: 'The operator may not write NetworkPolicies here; see the ClusterRole of the chart.',
    Paused: 'The object is paused: the NetworkPolicy is left as it is, though the spec asks for another, or for none.',
    NoSelector: 'The Service selects no pods, so there is nothing to isolate.',
    ServiceBypassesGuard:
      "The Service's port does not lead to the guard yet; isolated, its pods would get no traffic. See the condition Enforced.",
  },
  Enforced: {
    Enforced: 'Every pod behind the Service has a guard that holds the current revision, and so does every authorizer.',
    NoGuards:
      'No pod is behind the Service. Pods that cannot be made are told at their workload, not here. Unknown: the Service has no selector, so nobody knows what is.',
    Waiting:
      'Some pods have no guard that holds the current revision; the message names them and what each lacks: the label, the right name in it, the guard, its connection, the revision.',
    SliceTooLarge:
      'The policy is larger than the memory of some guards allows, so they are sent it without its largest clients, who are refused there. The message names their pods, the first of these clients and the memory that they need, which the pod annotation latchkey.dev/guard-memory gives them.',
    ServiceBypassesGuard:
      "The Service's port does not lead to the guard, so nobody decides about its calls; the message has the command that changes it.",
    DirectAccess:
      'The app of some pod listens beyond loopback; the message names the pod. With spec.directAccess: Refuse the pod gets no traffic of the Service.',
  },
  Stalled: {
    ServiceBypassesGuard:
      'No guard decides about calls to the Service in mode Enforce: they go past it, or fail where the app listens on loopback alone. A person has to change the Service.',
    SliceTooLarge:
      'Guards are not told all of the policy, because it is larger than their memory allows, and refuse whom they are not told of. A person has to give them more, or to divide the service.',
    DirectAccess: 'Calls can go past the guard in mode Enforce. A person has to change what the app listens on.',
  },
}
