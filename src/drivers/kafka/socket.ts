import { isIP, connect as netConnect, type Socket } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import type { ISocketFactory, ISocketFactoryArgs } from 'kafkajs'

const KEEP_ALIVE_DELAY = 60_000

/** On a socket factory: whether its client is closed and must open no socket any more. */
export const isOver = Symbol('sluice.kafka.over')

/**
 * The sockets of one kafkajs client. Its `disconnect` ends neither a retry that is under way nor what a late request opens:
 * each could connect once more and stay. After `close` there is no socket, and none is opened (kafkajs.ts sees to that).
 */
export class Sockets {
  readonly #open = new Set<Socket>()
  #over = false

  /** For `new Kafka({ socketFactory })`. */
  readonly factory: ISocketFactory & { readonly [isOver]: () => boolean } = Object.assign(
    (args: ISocketFactoryArgs): Socket => this.#opened(openSocket(args)),
    { [isOver]: () => this.#over },
  )

  /** After the client's `disconnect`. Idempotent; never throws. */
  close(): void {
    this.#over = true
    for (const socket of this.#open) socket.destroy()
  }

  #opened(socket: Socket): Socket {
    this.#open.add(socket)
    return socket.once('close', () => this.#open.delete(socket))
  }
}

/** kafkajs' own way to open a socket, without its delay of small packets and its warnings. */
function openSocket({ host, port, ssl, onConnect }: ISocketFactoryArgs): Socket {
  const socket = ssl
    ? tlsConnect({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    : netConnect({ host, port }, onConnect)
  socket.setKeepAlive(true, KEEP_ALIVE_DELAY)
  socket.setNoDelay(true)
  // It unrefs a socket that never connected once per waiting request, each time with a listener: Node.js would warn.
  socket.setMaxListeners(0)
  return socket
}
