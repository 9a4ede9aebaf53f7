import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cgroupName } from './real-cluster.ts'

const mountPoint = '/sys/fs/cgroup'

/** The one hierarchy of cgroup v2, or every controller's of v1. */
function cgroupRoots(): string[] {
  if (existsSync(join(mountPoint, 'cgroup.controllers'))) return [mountPoint]
  return readdirSync(mountPoint, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && existsSync(join(mountPoint, entry.name, 'cgroup.procs')))
    .map(entry => join(mountPoint, entry.name))
}

/** Makes the parent of all pods' groups, which the kubelet expects to find with every controller. */
export function makeGroups(): void {
  for (const root of cgroupRoots()) {
    mkdirSync(join(root, cgroupName), { recursive: true })
    const controllers = join(root, 'cgroup.controllers')
    if (!existsSync(controllers)) continue
    for (const controller of readFileSync(controllers, 'utf8').trim().split(' ')) {
      writeFileSync(join(root, 'cgroup.subtree_control'), `+${controller}`)
    }
  }
}

/** Our groups, children before parents. */
function ourGroups(): string[] {
  const found: string[] = []
  const walk = (directory: string) => {
    if (!existsSync(directory)) return
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (entry.isDirectory()) walk(join(directory, entry.name))
    }
    found.push(directory)
  }
  for (const root of cgroupRoots()) walk(join(root, cgroupName))
  return found
}

/** Kills what runs in the cluster's pods; gives back how many processes there were. */
export function killPods(): number {
  const pids = new Set<number>()
  for (const group of ourGroups()) {
    try {
      for (const line of readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n')) if (line) pids.add(Number(line))
    } catch {
      // The group went with its last process.
    }
  }
  // Zero is a process of another namespace, which is no pod's of ours.
  pids.delete(0)
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // Gone already.
    }
  }
  return pids.size
}

/** Removes the empty groups; whether none is left. */
export function removeGroups(): boolean {
  for (const group of ourGroups()) {
    try {
      rmdirSync(group)
    } catch {
      // Still in use for a moment; the caller asks again.
    }
  }
  return ourGroups().length === 0
}
