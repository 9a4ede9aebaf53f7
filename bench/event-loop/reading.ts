import { createDocumentReader } from '../../cluster/openapi/document-reader.ts'
import { createDocuments } from '../../cluster/openapi/documents.ts'
import { createReadingThread } from '../../cluster/openapi/reading-thread.ts'
import { createResolved, type Rules } from '../../cluster/resolved.ts'
import { createObjects } from '../../issuer/objects.ts'
import { createSlices } from '../../issuer/slices/slices.ts'
import type { KubeClient, KubeObject, Resource } from '../../platform/kube/client.ts'
import { createLog } from '../../platform/log.ts'
import { longDocument } from '../../test/integration/crowd/crowd.ts'

const services = 12
const versions = 4
const bytes = 440_000

/** An issuer without its servers: 12 services, each with a document of 440 kB that is another one each second. */
export async function startReading(): Promise<{ done(): number }> {
  // 300 operations as real documents have, and 2,000, the most there may be, by turns.
  const texts = Array.from({ length: services * versions }, (_, at) =>
    longDocument(`v${at}`, bytes, at % 2 === 0 ? 300 : 2_000),
  )
  const answers = texts.map((text, at) =>
    JSON.stringify({ metadata: { name: `s${at % services}` }, data: { 'openapi.yaml': text } }),
  )
  const client = createClient(answers)
  const log = createLog({ process: 'bench', level: 'fatal' })
  const objects = createObjects(client, { log })
  const documents = createDocuments({
    client,
    services: objects.services,
    reader: createDocumentReader(createReadingThread()),
    log,
    timings: { goodMs: 1_000, faultyMs: 1_000 },
  })
  const resolved = createResolved(objects, rules, documents, 'follows')
  const slices = createSlices({ objects, resolved, documents, cluster: () => undefined, log })
  let read = 0
  documents.onChange(() => void read++)
  await objects.start()
  documents.start()
  slices.start()
  // As a connected guard of each has it: every change is made into a line.
  const subscribed = new Set<string>()
  setInterval(() => {
    for (const slice of slices.all()) {
      if (subscribed.has(slice.key)) continue
      subscribed.add(slice.key)
      slice.subscribe(() => {})
    }
  }, 100)
  return { done: () => read }
}

const rules: Rules = {
  installation: 'default',
  issuerUrl: 'https://issuer.test/default',
  clientIds: new Map(),
  reservedAudiences: [],
}

function createClient(answers: readonly string[]): Pick<KubeClient, 'get' | 'getMetadata' | 'list' | 'watch'> {
  const metadataOf = async (name: string) => {
    await new Promise(resolve => setTimeout(resolve, 2))
    return { name, namespace: 'greedy', resourceVersion: String(Math.floor(performance.now() / 1_000)) }
  }
  return {
    async get<T extends KubeObject>(_resource: Resource, _namespace: string | undefined, name: string): Promise<T> {
      const metadata = await metadataOf(name)
      // Parsed as the client parses an answer.
      const answer = answers[Number(name) + services * (Number(metadata.resourceVersion) % versions)] ?? '{}'
      return { ...(JSON.parse(answer) as T), metadata }
    },
    getMetadata: (_resource, _namespace, name) => metadataOf(name),
    async list<T extends KubeObject>({ plural }: Resource) {
      return { items: listOf(plural) as T[], resourceVersion: '1' }
    },
    async *watch(_resource, { signal }) {
      await new Promise(resolve => signal.addEventListener('abort', resolve))
    },
  }
}

function listOf(plural: string): KubeObject[] {
  if (plural === 'namespaces') return [object('greedy')]
  const each = (spec: (at: number) => object): KubeObject[] =>
    Array.from({ length: services }, (_, at) => ({ ...object(`s${at}`, 'greedy'), spec: spec(at) }) as KubeObject)
  if (plural === 'services') return each(() => ({ ports: [{ port: 80 }] }))
  if (plural !== 'guardedservices') return []
  return each(at => ({ targetRef: { name: `s${at}`, port: 80 }, openapi: { configMapRef: { name: String(at) } } }))
}

function object(name: string, namespace?: string): KubeObject {
  return { metadata: { name, uid: `uid-${name}`, resourceVersion: '1', ...(namespace !== undefined && { namespace }) } }
}
