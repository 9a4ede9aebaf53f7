import { execFile } from 'node:child_process'

/** `input` goes to standard input; `env` is added to this process's own; `timeoutMs` ends the command. */
export type CommandOptions = { cwd?: string; env?: Record<string, string>; input?: string; timeoutMs?: number }

/**
 * Runs a command to its end and gives back its standard output.
 * @throws Error with the command line and what it wrote to standard error
 */
export function run(command: string, args: string[], options: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      args,
      {
        cwd: options.cwd,
        env: { ...process.env, ...options.env },
        maxBuffer: 64 * 1024 * 1024,
        timeout: options.timeoutMs ?? 0,
        killSignal: 'SIGKILL',
      },
      (error, stdout, stderr) => {
        if (error && 'code' in error && error.code === 'ENOENT') {
          reject(new Error(`${command} is not on the PATH; install it and try again`, { cause: error }))
        } else if (error) {
          const said = (stderr.trim() || stdout.trim() || error.message).slice(-4000)
          reject(new Error(`${[command, ...args].join(' ')}\n${said}`, { cause: error }))
        } else resolve(stdout)
      },
    )
    // A command that ends without reading its input is no error of ours.
    child.stdin?.on('error', () => {})
    child.stdin?.end(options.input ?? '')
  })
}

/** Whether the command runs and ends with success; what it says is dropped. */
export function succeeds(command: string, args: string[], options: CommandOptions = {}): Promise<boolean> {
  return run(command, args, options).then(
    () => true,
    () => false,
  )
}
