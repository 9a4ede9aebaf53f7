import { spawn } from 'node:child_process'

/**
 * Runs a command to its end.
 * @param output where what it says is put, or `inherit` for straight to where ours goes
 * @returns its exit code, or in words why it has none
 */
export function runCommand(
  [command = '', ...args]: readonly string[],
  output: Buffer[] | 'inherit',
): Promise<number | string> {
  const ours = output === 'inherit' ? 'inherit' : 'pipe'
  const child = spawn(command, args, { stdio: ['ignore', ours, ours] })
  if (output !== 'inherit')
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => output.push(chunk))
  return new Promise(resolve => {
    child.once('error', error => resolve(error.message))
    child.once('close', (code, signal) => resolve(code ?? String(signal)))
  })
}
