import { list, type Setting, text, url } from '../platform/config.ts'

/** What a process has to be told of its installation to know which objects are its own, and what they may be called. */
export const installationSettings = {
  installation: text<string>('LATCHKEY_INSTALLATION', { default: 'default', description: 'id of this installation' }),
  issuerUrl: url('LATCHKEY_ISSUER_URL', { description: 'issuer URL' }),
  clientIds: clientIds('LATCHKEY_CLIENT_IDS'),
  reservedAudiences: list('LATCHKEY_RESERVED_AUDIENCES', {
    default: ['https://kubernetes.default.svc', 'https://kubernetes.default.svc.cluster.local'],
    description: 'audiences of the API server, which no service may have',
  }),
}

/** Client ids that the chart gives to one ApiClient each, as JSON: `{"acme.orders": "partners/acme"}`. */
function clientIds(name: string): Setting<ReadonlyMap<string, string>> {
  const fault = { expected: 'a JSON object of client ids, each with "namespace/name"' }
  return {
    name,
    description: 'client ids given to one ApiClient each, as JSON',
    default: { value: new Map() },
    parse(given) {
      const entries = entriesOf(given)
      return entries?.every(isGiven) ? { value: new Map(entries) } : fault
    },
  }
}

function entriesOf(json: string): [string, unknown][] | undefined {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : undefined
  } catch {
    return undefined
  }
}

function isGiven(entry: [string, unknown]): entry is [string, string] {
  const [, key] = entry
  return typeof key === 'string' && /^[^/]+\/[^/]+$/.test(key)
}
