import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type FaultProxy, proxyFor, startProxy } from './proxy.ts'

let proxy: FaultProxy
let stop: () => Promise<void>
const clients: Socket[] = []
const received: Buffer[] = []
let greedy = true

beforeEach(async () => {
  received.length = 0
  greedy = true
  const peers = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, socket => {
    peers.add(socket)
    socket.on('error', () => {})
    if (!greedy) return void socket.pause()
    socket.on('data', data => {
      received.push(data)
      socket.write(data)
    })
    socket.on('end', () => socket.end('bye'))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  proxy = await startProxy({ to: `127.0.0.1:${(server.address() as AddressInfo).port}` })
  stop = async () => {
    await proxy.close()
    for (const peer of peers) peer.destroy()
    await new Promise(resolve => server.close(resolve))
  }
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy()
  await stop()
})

async function open(): Promise<Socket> {
  const client = connect(proxy.port, '127.0.0.1')
  clients.push(client)
  client.on('error', () => {})
  await once(client, 'connect')
  return client
}

async function echo(client: Socket, text: string): Promise<number> {
  const begin = performance.now()
  client.write(text)
  const [data] = await once(client, 'data')
  expect(String(data)).toBe(text)
  return performance.now() - begin
}

test('passes bytes both ways, and the end of one direction', async () => {
  const client = await open()
  await echo(client, 'hello')
  client.end()
  const [data] = await once(client, 'data')
  expect(String(data)).toBe('bye')
  await once(client, 'end')
  await expect.poll(() => proxy.connections).toBe(0)
})

test('cut resets the connections and refuses new ones; restore takes them on the same port', async () => {
  const client = await open()
  await echo(client, 'before')
  const failed = new Promise(resolve => client.once('close', resolve))
  await proxy.cut()
  await failed
  await expect(refusal(proxy.port)).resolves.toBe('ECONNREFUSED')
  await proxy.restore()
  await echo(await open(), 'after')
})

test('stall keeps connections open and silent; resume loses nothing', async () => {
  const client = await open()
  await echo(client, 'before')
  proxy.stall()
  const late = await open()
  late.write('late')
  client.write('held')
  await new Promise(resolve => setTimeout(resolve, 100)) // nothing to wait for: it is the silence that is tested
  expect(Buffer.concat(received).toString()).toBe('before')
  const answers = Promise.all([once(client, 'data'), once(late, 'data')])
  proxy.resume()
  expect((await answers).map(([data]) => String(data))).toEqual(['held', 'late'])
})

test('delay holds each direction back, without slowing the stream down to one chunk at a time', async () => {
  const client = await open()
  proxy.delay(300)
  // Twice 300 ms; a timer of Node.js counts from when the turn of the event loop began that sets it.
  expect(await echo(client, 'slow')).toBeGreaterThanOrEqual(500)
  const begin = performance.now()
  let bytes = 0
  client.on('data', data => {
    bytes += data.length
  })
  for (let i = 0; i < 50; i++) {
    client.write('x'.repeat(1000))
    await new Promise(resolve => setImmediate(resolve))
  }
  await expect.poll(() => bytes).toBe(50_000)
  expect(performance.now() - begin).toBeLessThan(50 * 300)
  proxy.delay(0)
  expect(await echo(client, 'quick')).toBeLessThan(300)
})

test('a server that does not read stops the client', async () => {
  greedy = false
  const client = await open()
  const chunk = Buffer.alloc(1 << 20)
  for (let i = 0; i < 64; i++) client.write(chunk)
  await expect.poll(() => client.bytesWritten - client.writableLength).toBeGreaterThan(0)
  await new Promise(resolve => setTimeout(resolve, 200)) // time enough to take in all 64 MiB, were there no bound
  expect(client.writableLength).toBeGreaterThan(32 << 20)
})

test('a proxy stands where the broker sends its clients', async () => {
  const to = `127.0.0.1:${proxy.port}`
  const common = { kind: 'kafka', instance: 'x', where: 'local', url: 'kafka://127.0.0.1:1', listeners: {} } as const
  await using placed = await proxyFor({ ...common, proxy: { port: 31_899, to } })
  expect(placed.url).toBe('kafka://127.0.0.1:31899')
  const url = 'amqp://guest:guest@127.0.0.1:1/shop'
  await using free = await proxyFor({ ...common, url, listeners: { plain: to } })
  expect(free.url).toBe(`amqp://guest:guest@127.0.0.1:${free.port}/shop`)
})

async function refusal(port: number): Promise<string> {
  const [error] = await once(connect(port, '127.0.0.1'), 'error')
  return (error as NodeJS.ErrnoException).code ?? ''
}
