import { join } from 'node:path'
import type { BinaryName } from './build-binaries.ts'
import { pairIn } from './certificates.ts'
import { type ProcessRecord, startProcess } from './processes.ts'

/** `directory` is the cluster's, with its `pki`; `kubeconfig` an administrator's. */
export type ControllerStart = {
  binary: (name: BinaryName) => string
  directory: string
  kubeconfig: string
  detached: boolean
  extraArgs: string[]
}

/** One replica, so no lease to hold; `extraArgs` add to it. */
export function startControllerManager(start: ControllerStart): ProcessRecord {
  const certificates = join(start.directory, 'pki')
  const authority = pairIn(certificates, 'ca')
  const args = [
    `--kubeconfig=${start.kubeconfig}`,
    '--leader-elect=false',
    // No port: nobody asks it anything, and it could only collide.
    '--secure-port=0',
    '--use-service-account-credentials=true',
    `--root-ca-file=${authority.certFile}`,
    `--service-account-private-key-file=${join(certificates, 'service-account.key')}`,
    `--cluster-signing-cert-file=${authority.certFile}`,
    `--cluster-signing-key-file=${authority.keyFile}`,
    ...start.extraArgs,
  ]
  const log = join(start.directory, 'kube-controller-manager.log')
  const command = start.binary('kube-controller-manager')
  return startProcess(start.directory, 'kube-controller-manager', { command, args, log, detached: start.detached })
}

export function startScheduler(start: ControllerStart): ProcessRecord {
  const args = [`--kubeconfig=${start.kubeconfig}`, '--leader-elect=false', '--secure-port=0', ...start.extraArgs]
  const log = join(start.directory, 'kube-scheduler.log')
  const command = start.binary('kube-scheduler')
  return startProcess(start.directory, 'kube-scheduler', { command, args, log, detached: start.detached })
}
