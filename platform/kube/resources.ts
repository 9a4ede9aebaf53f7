import { group, version } from '../../core/api/kind.ts'
import type { Resource } from './client.ts'

const own = (kind: string, plural: string): Resource => ({ group, version, plural, kind, namespaced: true })
const core = (kind: string, plural: string): Resource => ({ group: '', version: 'v1', plural, kind, namespaced: true })

export const apiClients = own('ApiClient', 'apiclients')
export const accessKeys = own('AccessKey', 'accesskeys')
export const roles = own('Role', 'roles')
export const accessGrants = own('AccessGrant', 'accessgrants')
export const guardedServices = own('GuardedService', 'guardedservices')
/** What the token server keeps; nobody but the issuer reads or writes them. */
export const tokenRecords = own('TokenRecord', 'tokenrecords')

export const configMaps = core('ConfigMap', 'configmaps')
export const namespaces: Resource = { ...core('Namespace', 'namespaces'), namespaced: false }
export const pods = core('Pod', 'pods')
export const secrets = core('Secret', 'secrets')
export const serviceAccounts = core('ServiceAccount', 'serviceaccounts')
export const services = core('Service', 'services')

export const networkPolicies: Resource = {
  group: 'networking.k8s.io',
  version: 'v1',
  plural: 'networkpolicies',
  kind: 'NetworkPolicy',
  namespaced: true,
}

export const endpointSlices: Resource = {
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  kind: 'EndpointSlice',
  namespaced: true,
}

const webhookConfigurations = (kind: string, plural: string): Resource => ({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced: false,
})
export const validatingWebhooks = webhookConfigurations(
  'ValidatingWebhookConfiguration',
  'validatingwebhookconfigurations',
)
export const mutatingWebhooks = webhookConfigurations('MutatingWebhookConfiguration', 'mutatingwebhookconfigurations')
