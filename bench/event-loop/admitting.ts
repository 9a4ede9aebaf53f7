import { Worker } from 'node:worker_threads'
import { createServer } from '../../platform/http/server.ts'
import { createLog } from '../../platform/log.ts'
import { createConclude } from '../../webhook/admission/conclude.ts'
import { createAdmissionHandler } from '../../webhook/admission/endpoint.ts'
import { createExaminer } from '../../webhook/admission/examiner.ts'

const mebibyte = 1_048_576
const settings = {
  ...{ image: 'latchkey', pullPolicy: 'IfNotPresent', resources: {} },
  ...{ snapshotUrl: 'https://issuer.test:8444', issuerUrl: 'https://issuer.test/default' },
} as const

/** A webhook without TLS and API server, which is asked for a Role of 1.5 MB four times a second. */
export async function startAdmitting(): Promise<{ done(): number }> {
  let done = 0
  const log = createLog({ process: 'bench', level: 'fatal' })
  const handler = createAdmissionHandler({
    find: async () => 'validate',
    examine: createExaminer(settings).examine,
    conclude: createConclude({ look: async () => 'ToGuard', missing: async () => [], taken: async () => false }),
    now: () => 0,
    begin: () => (_question, result) => {
      if (result === 'allowed') done++
    },
    log,
  })
  const limits = { bodyBytes: 3 * mebibyte, longBodies: { sum: 16 * mebibyte, perPeer: 12 * mebibyte } }
  const server = createServer({ name: 'bench', host: '127.0.0.1', port: 0, handler, limits, log })
  const { port } = await server.listen()
  new Worker(new URL('./posting.ts', import.meta.url), { workerData: `http://127.0.0.1:${port}/` })
  return { done: () => done }
}
