import { randomBytes } from 'node:crypto'
import {
  type AdmissionQuestion,
  admissionPath,
  admissionPathFile,
  admissionRandomPart,
} from '../../core/api/admission-path.ts'
import { type KubeClient, KubeError, type Resource } from '../../platform/kube/client.ts'
import { mutatingWebhooks, secrets, validatingWebhooks } from '../../platform/kube/resources.ts'
import type { Requeue } from '../../platform/kube/work-queue.ts'
import type { Logger } from '../../platform/log.ts'
import { type SecretOf, textsOf } from '../owned-objects.ts'
import type { Replica } from '../replicas/ask-replica.ts'
import { leavesPath, pathManager, planPath, planRelease, type WebhookConfiguration } from './plan-admission-path.ts'

// Replicas look at their Secret every 30 s; one that is on its way out is gone within a minute.
const askAgainMs = 5_000
const rereadMs = 10 * 60_000

const questions: readonly (readonly [AdmissionQuestion, Resource])[] = [
  ['validate', validatingWebhooks],
  ['mutate', mutatingWebhooks],
]

/** 128 bits, in a form that the API server takes as a segment of a path. */
export function makeRandomPart(): string {
  return randomBytes(16).toString('hex')
}

/**
 * Hands the webhook's path over to another one. The Secret has the next path first; each replica takes it as soon as it
 * has read it, and goes on taking what the configurations name; when every replica that the API server may reach takes
 * it, the configurations are told. Each step starts from what is there, so that a crash between any two is harmless.
 */
export function createAdmissionPath(options: {
  readonly client: Pick<KubeClient, 'get' | 'patch'>
  readonly namespace: string
  readonly fullname: string
  /** The replicas of the webhook that the API server may reach. */
  replicas(): readonly Replica[]
  /** Whether this replica takes the path. @throws Error when it cannot be asked */
  takes(replica: Replica, path: string): Promise<boolean>
  readonly log: Logger
}): { reconcile(): Promise<Requeue> } {
  const { client, namespace, fullname, takes, log } = options

  async function allTake(part: string): Promise<boolean> {
    const asked = options.replicas().map(replica => takes(replica, admissionPath('validate', part)))
    const answers = await Promise.allSettled(asked)
    return answers.every(answer => answer.status === 'fulfilled' && answer.value)
  }

  async function write(
    resource: Resource,
    configuration: WebhookConfiguration,
    part: string,
    question: AdmissionQuestion,
  ) {
    const body = planPath(configuration, question, part)
    const { name } = configuration.metadata
    const options = { type: 'json', fieldManager: pathManager } as const
    const written =
      body.length > 0
        ? await client.patch<WebhookConfiguration>(resource, undefined, name, body, options)
        : configuration
    if (body.length > 0) log.info({ object: name, question }, 'the path of admission was written')
    const release = planRelease(written)
    if (release.length > 0) await client.patch(resource, undefined, name, release, options)
  }

  return {
    async reconcile() {
      const secret = await client.get<SecretOf>(secrets, namespace, `${fullname}-webhook-tls`)
      const part = admissionRandomPart(textsOf(secret)[admissionPathFile])
      // The pass over Secrets writes it, and comes here then.
      if (part === undefined) return { requeueAfterMs: askAgainMs }
      let agreed: boolean | undefined
      for (const [question, resource] of questions) {
        const configuration = await client.get<WebhookConfiguration>(resource, undefined, fullname)
        if (!configuration || !leavesPath(configuration)) continue
        const change = planPath(configuration, question, part)
        if (change.length > 0) {
          agreed ??= await allTake(part)
          if (!agreed) continue
        }
        try {
          await write(resource, configuration, part, question)
        } catch (error) {
          // Somebody wrote it, or took it away, meanwhile: its next event brings us here again.
          if (!(error instanceof KubeError) || (error.status !== 404 && error.status !== 409)) throw error
        }
      }
      return { requeueAfterMs: agreed === false ? askAgainMs : rereadMs }
    },
  }
}
