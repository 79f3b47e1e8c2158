import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { AdminConfig } from '../config/admin-schema.ts'
import { describe, SluiceError } from '../core/errors.ts'
import type { Log } from '../core/ports.ts'
import { type AppOptions, adminApp } from './app.ts'
import type { Probes } from './probes.ts'

/** A client that dawdles, or a thousand of them, must not cost the gateway anything. */
const LIMITS = { headersTimeout: 5_000, requestTimeout: 5_000, keepAliveTimeout: 5_000, maxHeaderSize: 8_192 }
const MOST_CONNECTIONS = 100

/** Health, metrics, the API and the page over HTTP. */
export class AdminServer implements AsyncDisposable {
  readonly #server: Server
  readonly #closing: AbortController
  readonly #parts: Disposable
  /** `http://127.0.0.1:8085`, with the port that was really taken. */
  readonly url: string

  private constructor(server: Server, closing: AbortController, parts: Disposable) {
    const { address, port, family } = server.address() as AddressInfo
    this.#server = server
    this.#closing = closing
    this.#parts = parts
    this.url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  /** Listens. Without `parts` there are probes and metrics only. Throws PORT_IN_USE when it cannot. */
  static async listen(
    config: Exclude<AdminConfig, false>,
    probes: Probes,
    log: Log,
    parts?: AppOptions['parts'],
  ): Promise<AdminServer> {
    const { host, port } = config
    const closing = new AbortController()
    const app = adminApp({ config, probes, log, parts, closing: closing.signal })
    const server = createAdaptorServer({
      fetch: app.fetch,
      serverOptions: LIMITS,
      overrideGlobalObjects: false,
    }) as Server
    server.maxConnections = MOST_CONNECTIONS
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', error => reject(refused(error, host, port)))
        server.listen(port, host.replace(/^\[(.*)\]$/, '$1'), resolve)
      })
    } catch (error) {
      app[Symbol.dispose]()
      throw error
    }
    server.removeAllListeners('error')
    server.on('error', error => log.warn({ error }, 'the admin port failed'))
    return new AdminServer(server, closing, app)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    this.#parts[Symbol.dispose]()
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }
}

function refused(error: NodeJS.ErrnoException, host: string, port: number): SluiceError {
  const options = { cause: error }
  if (error.code === 'EADDRINUSE')
    return new SluiceError('PORT_IN_USE', `the admin port ${host}:${port} is taken`, options)
  const why =
    error.code === 'EACCES'
      ? 'no permission for this port'
      : error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND'
        ? 'this machine has no such address'
        : describe(error)
  const hint = 'Correct `admin: { host, port }` in the configuration.'
  return new SluiceError('PORT_IN_USE', `cannot listen on the admin port ${host}:${port}: ${why}`, { ...options, hint })
}
