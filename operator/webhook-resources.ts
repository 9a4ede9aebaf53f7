import type { Resource } from '../platform/kube/client.ts'

const webhookResource = (kind: string, plural: string): Resource => ({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced: false,
})
export const validatingWebhooks = webhookResource('ValidatingWebhookConfiguration', 'validatingwebhookconfigurations')
export const mutatingWebhooks = webhookResource('MutatingWebhookConfiguration', 'mutatingwebhookconfigurations')
