import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { quiet } from '../../../src/core/quiet-log.ts'
import { kafkajsClient } from '../../../src/drivers/kafka/client.ts'
import { Sockets } from '../../../src/drivers/kafka/socket.ts'

async function listen(server: Server, port = 0): Promise<number> {
  await once(server.listen(port, '127.0.0.1'), 'listening')
  return (server.address() as { readonly port: number }).port
}

it('a client that is closed while it retries to connect is told so, and connects no more', async () => {
  const connected: Socket[] = []
  const server = createServer(socket => connected.push(socket))
  const port = await listen(server)
  server.close()
  const address = {
    ...{ brokers: [{ host: '127.0.0.1', port }], clientId: 'lab', login: undefined, tls: undefined },
    ...{ connectTimeout: 1_000, requestTimeout: 1_000 },
  }
  const sockets = new Sockets()
  const retry = { initialRetryTime: 50, maxRetryTime: 100, retries: 1_000_000 }
  const consumer = kafkajsClient(address, quiet, sockets).consumer({ groupId: 'lab', retry })
  const connecting = consumer.connect().catch((error: Error) => error.message)
  await sleep(150)
  await consumer.disconnect()
  sockets.close()
  await listen(server, port)
  try {
    expect(await connecting).toBe('The client is closed')
    expect(connected).toEqual([])
  } finally {
    for (const socket of connected) socket.destroy()
    server.close()
  }
})

it('closing ends the sockets that are open', async () => {
  const server = createServer()
  const port = await listen(server)
  try {
    const sockets = new Sockets()
    const accepted = once(server, 'connection')
    const socket = sockets.factory({ host: '127.0.0.1', port, ssl: undefined as never, onConnect: () => {} })
    const [other] = (await accepted) as [Socket]
    const ended = once(other.resume(), 'close')
    sockets.close()
    await ended
    expect(socket.destroyed).toBe(true)
  } finally {
    server.close()
  }
})
