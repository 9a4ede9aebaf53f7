import { countCalls } from './count-calls.ts'
import { type Way, ways } from './ways.ts'

// The program of the pods that call while a key rotates. It says what it counted twice a second, and after SIGTERM once
// more when the last call is over.
const { env } = process
const place = { directory: '/var/run/secrets/latchkey', audience: env.AUDIENCE ?? '', env }
const load = countCalls({
  way: fetch => ways[env.WAY as Way](place, fetch),
  url: env.URL ?? '',
  loops: Number(env.LOOPS),
  pauseMs: Number(env.PAUSE_MS),
})
const say = () => console.log(JSON.stringify(load.counts()))
const saying = setInterval(say, 500)
process.once('SIGTERM', async () => {
  clearInterval(saying)
  await load.stop()
  say()
  // Whoever follows the log has this line before the container goes.
  setTimeout(() => process.exit(0), 500)
})
