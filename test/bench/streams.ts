// Fills a stream of JetStream as load.ts fills a queue: messages of 1 KB with a key and one header, on disk.
import { connect, headers } from 'nats'
import { BODY, USERS } from './load.ts'

const serverOf = (url: string) => url.replace('nats://', '')

export async function emptyStream(url: string, name: string): Promise<void> {
  const client = await connect({ servers: serverOf(url) })
  const { streams } = await client.jetstreamManager()
  await streams.delete(name).catch(() => {})
  await streams.add({ name, subjects: [name] })
  await client.close()
}

export async function fillStream(url: string, name: string, messages: number): Promise<void> {
  await emptyStream(url, name)
  const client = await connect({ servers: serverOf(url) })
  const { streams } = await client.jetstreamManager()
  for (let n = 0; n < messages; ) {
    for (const end = Math.min(messages, n + 2_000); n < end; n++) {
      const list = headers()
      list.set('user_id', `u${n % USERS}`)
      client.publish(name, BODY, { headers: list })
    }
    await client.flush()
    // No acks are asked for: what is stored says how far it is.
    while ((await streams.info(name)).state.messages < n) await new Promise(resolve => setTimeout(resolve, 1))
  }
  await client.close()
}
