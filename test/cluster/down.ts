import { existsSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { killPods, removeGroups } from './cgroups.ts'
import { run, succeeds } from './command.ts'
import { dockerAnswers, kindDown } from './kind.ts'
import { withLock } from './lock.ts'
import { restoreMachine } from './machine.ts'
import { isAlive, type ProcessRecord, processesIn, processesNaming, stopProcess } from './processes.ts'
import { runScript, say, step, until } from './progress.ts'
import {
  clusterDirectory,
  clusterLock,
  containerdSocket,
  kubeconfigPath,
  processNames,
  runDirectory,
} from './real-cluster.ts'

/** Ends the cluster, healthy or broken, and takes back all it did to the machine. */
export async function stopRealCluster(): Promise<void> {
  if (!existsSync(clusterDirectory) && !existsSync(runDirectory)) return
  // The kubelet first: it would start again what we end.
  await stop('kubelet')
  killPods()
  // containerd sees the ends and lets its shims go by itself; those of a killed containerd are ended by us.
  if (alive('containerd').length > 0) await until('end of shims', 5_000, () => shims().length === 0).catch(() => {})
  await stop('containerd')
  for (const shim of shims()) await stopProcess(shim, 0)
  await until('end of pods', 10_000, () => killPods() === 0)
  for (const name of processNames.toReversed()) await stop(name)
  await unmountBelow(runDirectory)
  await unmountBelow(clusterDirectory)
  await until('removal of the control groups', 10_000, removeGroups)
  await restoreMachine()
  await rm(runDirectory, { recursive: true, force: true })
  await rm(clusterDirectory, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  await rm(kubeconfigPath, { force: true })
}

function alive(name: string): ProcessRecord[] {
  const recorded = processesIn(clusterDirectory).filter(record => record.name === name && isAlive(record))
  return recorded.length > 0 ? recorded : processesNaming(`${clusterDirectory}/`, [name])
}

async function stop(name: string): Promise<void> {
  for (const record of alive(name)) await stopProcess(record, 2_000)
}

/** Shims name the socket of the containerd that they belong to. */
const shims = () => processesNaming(containerdSocket, ['containerd-shim-runc-v2'])

async function unmountBelow(directory: string): Promise<void> {
  const points = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map(line => (line.split(' ')[4] ?? '').replace(/\\040/g, ' '))
    .filter(point => point.startsWith(`${directory}/`))
  for (const point of points.toReversed()) {
    if (!(await succeeds('umount', [point]))) await run('umount', ['--lazy', point])
  }
}

if (import.meta.main) {
  await runScript(async () => {
    if (await dockerAnswers()) await kindDown()
    else if (existsSync(clusterDirectory) || existsSync(runDirectory)) {
      await withLock(clusterLock, () => step('stop the cluster', stopRealCluster))
    } else say('no cluster runs')
  })
}
