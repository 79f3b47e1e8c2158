import { connect, type Socket } from 'node:net'

/** A client that writes whatever it is told, well-formed or not. */
export class RawClient implements Disposable {
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  static async open(address: string): Promise<RawClient> {
    const { hostname, port } = new URL(`nats://${address}`)
    const socket = connect({ host: hostname, port: Number(port) })
    await new Promise<void>((resolve, reject) => {
      socket.once('data', () => resolve())
      socket.once('error', reject)
    })
    socket.on('data', chunk => {
      if (String(chunk).includes('PING')) socket.write('PONG\r\n')
    })
    socket.write('CONNECT {"headers":true,"verbose":false,"pedantic":false}\r\n')
    return new RawClient(socket)
  }

  /** Publishes a header block that is sent as it is. */
  publish(subject: string, block: Buffer, body: Buffer): void {
    this.#socket.write(`HPUB ${subject} ${block.length} ${block.length + body.length}\r\n`)
    this.#socket.write(Buffer.concat([block, body, Buffer.from('\r\n')]))
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }
}
