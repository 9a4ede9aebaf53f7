const seconds = (sinceMs: number) => `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`

/** One line for whoever waits. Standard error, so that a script's result stays alone on standard output. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** Does the work and says how long it took; long work says every 15 s that it goes on. */
export async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now()
  const ticking = setInterval(() => say(`  ${what}: still at it after ${seconds(start)}`), 15_000)
  try {
    const result = await work()
    say(`  ${what}: ${seconds(start)}`)
    return result
  } finally {
    clearInterval(ticking)
  }
}

/** Asks until the answer is yes. @throws Error that names what never came, after `timeoutMs`, with the last reason */
export async function until(
  what: string,
  timeoutMs: number,
  ask: () => Promise<boolean> | boolean,
  pauseMs = 50,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  let reason: unknown
  while (performance.now() < deadline) {
    try {
      if (await ask()) return
    } catch (error) {
      reason = error
    }
    await new Promise(resolve => setTimeout(resolve, pauseMs))
  }
  throw new Error(`${what}: not after ${timeoutMs / 1000} s`, { cause: reason })
}

/** Runs a script's work; an error ends it with what is wrong and why, without the places in the code. */
export async function runScript(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    for (let one: unknown = error; one instanceof Error; one = one.cause) say(one.message)
    process.exitCode = 1
  }
}
