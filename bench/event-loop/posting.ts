import { workerData } from 'node:worker_threads'
import { longRoleCreation } from '../../test/attacks/long-reviews.ts'

// In a thread of its own: what it costs to send is no delay of who receives.
const everyMs = 250

async function again(): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(workerData as string, { method: 'POST', headers, body: longRoleCreation })
  await answer.text()
  setTimeout(() => void again(), everyMs)
}
await again()
