import { createReadStream } from 'node:fs'
import { guardContainerName } from '../../core/api/guarded-pod.ts'
import { guardLabel } from '../../core/api/labels.ts'
import { pods } from '../../platform/kube/resources.ts'
import type { Cluster } from '../frame/cluster.ts'
import type { CommandIo } from '../frame/command.ts'
import { CommandError } from '../frame/exit-codes.ts'
import { listAll } from '../frame/list-all.ts'
import { boundedLines } from './bounded-lines.ts'
import type { KeyTraffic } from './key-traffic.ts'

/** Of each guard's log, its last lines: the kubelet keeps some 10 MiB of a container. */
const logBounds = 'tailLines=200000&limitBytes=67108864'

/** @throws CommandError when the file cannot be read */
export async function readAudit(file: string, traffic: KeyTraffic, { input }: CommandIo): Promise<void> {
  const chunks = (file === '-' ? input : createReadStream(file)) as AsyncIterable<Buffer | string>
  try {
    for await (const line of boundedLines(chunks)) traffic.add(line)
  } catch (error) {
    throw new CommandError('usage', `${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`)
  }
}

/** Of which guards the logs could be read. */
export interface LogsRead {
  readonly read: number
  /** `namespace/pod: why`. */
  readonly unread: readonly string[]
}

/** Reads the logs of the guards of all namespaces, one after the other; what may not be read is told, and is no error. */
export async function readGuardLogs(cluster: Cluster, traffic: KeyTraffic): Promise<LogsRead> {
  const unread: string[] = []
  let read = 0
  try {
    for await (const { metadata } of listAll({ ...cluster, namespace: undefined }, pods, {
      labelSelector: guardLabel,
    })) {
      const { namespace = '', name, labels } = metadata
      // Whoever may make a pod writes what its log says: no more than of the service that the pod guards.
      const service = `${namespace}/${labels?.[guardLabel]}`
      const path = `/api/v1/namespaces/${namespace}/pods/${name}/log?container=${guardContainerName}&${logBounds}`
      try {
        const log = await cluster.ask(client => client.raw<unknown>('GET', path))
        for await (const line of boundedLines(only(typeof log === 'string' ? log : ''))) traffic.add(line, service)
        read++
      } catch (error) {
        unread.push(`${namespace}/${name}: ${(error as Error).message}`)
      }
    }
  } catch (error) {
    unread.push(`pods cannot be listed: ${(error as Error).message}`)
  }
  return { read, unread }
}

async function* only(text: string): AsyncGenerator<string> {
  yield text
}
