import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'
import type { BrokerInfo } from './kinds.ts'
import { ensureCertificates } from './tls.ts'

/** Paths of PEM files. */
interface Identity {
  readonly key: string
  readonly cert: string
}

/** TLS with a certificate of one's choice in front of a broker's plain port. */
export class TlsFront implements AsyncDisposable {
  readonly #target: URL
  readonly #sockets = new Set<Socket>()
  readonly #server: Server
  #identity: Identity

  private constructor(target: URL, identity: Identity) {
    this.#target = target
    this.#identity = identity
    this.#server = createServer(client => (target.protocol === 'nats:' ? this.#upgrade(client) : this.#carry(client)))
  }

  /**
   * A broker that tells its clients where to go on (Kafka) has a listener for what stands in front of it: of a private one, for
   * nobody else may stand there.
   */
  static async open({ url, proxy }: BrokerInfo, identity: Identity): Promise<TlsFront> {
    await ensureCertificates()
    const front = new TlsFront(new URL(proxy === undefined ? url : `kafka://${proxy.to}`), identity)
    await new Promise<void>((resolve, reject) => {
      front.#server.once('error', reject)
      front.#server.listen(proxy?.port ?? 0, '127.0.0.1', resolve)
    })
    return front
  }

  /** `host:port` */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** For those who connect from now on. */
  renew(identity: Identity): void {
    this.#identity = identity
  }

  #carry(client: Socket, upstream = this.#upstream(client)): void {
    const { key, cert } = this.#identity
    const secureContext = createSecureContext({ key: readFileSync(key), cert: readFileSync(cert) })
    const secure = new TLSSocket(client, { isServer: true, secureContext })
    secure.on('error', () => client.destroy())
    secure.pipe(upstream).pipe(secure)
  }

  // A NATS server speaks first, and then comes TLS.
  #upgrade(client: Socket): void {
    const upstream = this.#upstream(client)
    let said = ''
    const hear = (part: Buffer) => {
      said += part.toString('latin1')
      if (!said.includes('\r\n')) return
      upstream.off('data', hear).pause()
      const info = JSON.parse(said.slice('INFO '.length)) as object
      client.write(`INFO ${JSON.stringify({ ...info, tls_required: true })}\r\n`)
      this.#carry(client, upstream)
    }
    upstream.on('data', hear)
  }

  #upstream(client: Socket): Socket {
    const upstream = connect(Number(this.#target.port), this.#target.hostname)
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        this.#sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    return upstream
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise(resolve => this.#server.close(resolve))
  }
}
