import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BrokerInfo } from './kinds.ts'

/** A TCP proxy on loopback that breaks on demand. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number
  /** How many clients are connected now. */
  readonly connections: number
  /** Resets every connection, and refuses new ones until restore(). */
  cut(): Promise<void>
  /** Listens again, on the same port. */
  restore(): Promise<void>
  /** Forwards nothing until resume(); connections stay open and new ones are accepted: a cable pulled out. */
  stall(): void
  resume(): void
  /** From now on each byte arrives this many milliseconds later, in both directions. */
  delay(ms: number): void
  close(): Promise<void>
}

export interface ProxyOptions {
  /** `host:port` */
  readonly to: string
  /** Default: a free one outside the kernel's range for outgoing connections (see ports.ts). */
  readonly port?: number
}

// A client that is not read from must not fill our memory: past this many bytes on their way its socket is paused.
const inFlightLimit = 1 << 20

/** Puts a proxy before a broker's plain listener; clients connect to `url`. */
export async function proxyFor(broker: BrokerInfo): Promise<FaultProxy & { readonly url: string }> {
  const { to, port } = broker.proxy ?? { to: broker.listeners['plain'] ?? new URL(broker.url).host }
  const proxy = await startProxy(port === undefined ? { to } : { to, port })
  const url = new URL(broker.url)
  url.host = `127.0.0.1:${proxy.port}`
  return Object.assign(proxy, { url: url.href })
}

export async function startProxy({ to, port: wanted }: ProxyOptions): Promise<FaultProxy> {
  const split = to.lastIndexOf(':')
  const target = { host: to.slice(0, split), port: Number(to.slice(split + 1)) }
  const sockets = new Set<Socket>()
  const clients = new Set<Socket>()
  let delayMs = 0
  let gate: PromiseWithResolvers<void> | undefined // there while stalled

  const server = createServer({ allowHalfOpen: true }, client => {
    const upstream = connect({ ...target, allowHalfOpen: true })
    clients.add(client)
    client.once('close', () => clients.delete(client))
    join(client, upstream)
    join(upstream, client)
  })
  const port = wanted === undefined ? await listenSomewhere(server) : await listen(server, wanted)

  function join(from: Socket, to: Socket): void {
    sockets.add(from)
    from.setNoDelay(true)
    let inFlight = 0
    let last = Promise.resolve()
    const forward = (bytes: number, act: (done: () => void) => void) => {
      const due = performance.now() + delayMs
      inFlight += bytes
      if (inFlight > inFlightLimit) from.pause()
      last = last.then(async () => {
        const wait = due - performance.now()
        if (wait > 0) await sleep(wait)
        await gate?.promise
        act(() => {
          inFlight -= bytes
          if (inFlight <= inFlightLimit) from.resume()
        })
      })
    }
    from.on('data', chunk => forward(chunk.length, done => to.write(chunk, done)))
    from.on('end', () => forward(0, done => to.end(done)))
    // A broken end, too, is heard of only through the cable.
    const broken = () => (gate?.promise ?? Promise.resolve()).then(() => to.destroy())
    from.on('error', () => void broken())
    from.once('close', () => {
      sockets.delete(from)
      if (!from.readableEnded) void broken()
    })
  }

  async function cut(): Promise<void> {
    const closed = server.listening ? new Promise(resolve => server.close(resolve)) : undefined
    for (const socket of sockets) socket.resetAndDestroy()
    await closed
  }

  function resume(): void {
    gate?.resolve()
    gate = undefined
  }

  async function close(): Promise<void> {
    await cut()
    resume()
  }

  return {
    port,
    get connections() {
      return clients.size
    },
    cut,
    async restore() {
      if (!server.listening) await listen(server, port)
    },
    stall() {
      gate ??= Promise.withResolvers<void>()
    },
    resume,
    delay(ms) {
      delayMs = ms
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

async function listenSomewhere(server: Server): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await listen(server, 31_900 + Math.floor(Math.random() * 800))
    } catch (error) {
      if (attempt === 100) throw error
    }
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port }, () => {
      server.off('error', reject)
      resolve((server.address() as AddressInfo).port)
    })
  })
}
