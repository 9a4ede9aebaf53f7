/**
 * What a process cannot begin without. Where it is wrong the sentence is what helps, a stack trace is not.
 * @param name of the process
 * @param read throws Error with a sentence for people
 */
export function readOrExit<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    process.stderr.write(`latchkey ${name}: ${(error as Error).message}\n`)
    process.exit(1)
  }
}
