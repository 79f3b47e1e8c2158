import { targets } from './bare-targets.ts'
import { BODY, USERS } from './load.ts'

const adminOf = (url: string, topic: string) =>
  `${url.replace(/^ws/, 'http')}/admin/v2/persistent/public/default/${topic}`

/** Removes the topic; the broker makes it anew when it is used. */
export async function emptyPulsar(url: string, topic: string): Promise<void> {
  await fetch(`${adminOf(url, topic)}?force=true`, { method: 'DELETE' })
}

/** Makes the topic with the subscriptions of both loops, and fills it. */
export async function fillPulsar(url: string, topic: string, messages: number): Promise<void> {
  await fetch(adminOf(url, topic), { method: 'PUT' })
  for (const subscription of ['bench', 'bare'])
    await fetch(`${adminOf(url, topic)}/subscription/${subscription}`, { method: 'PUT' })
  const publish = await targets.pulsar(url, topic)
  for (let n = 0; n < messages; n += 1_000) {
    const size = Math.min(1_000, messages - n)
    await publish(Array.from({ length: size }, (_, i) => ({ user: `u${(n + i) % USERS}`, body: BODY })))
  }
}
