import type { ChildProcess } from 'node:child_process'

/** A child that does not outlive this process, however it ends. */
export function endWithUs(child: ChildProcess): void {
  const kill = (): void => void child.kill('SIGKILL')
  process.on('exit', kill)
  child.once('exit', () => process.off('exit', kill))
}
