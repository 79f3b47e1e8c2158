import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, TLSSocket } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import type { Driver } from '../../src/core/ports.ts'
import { quiet } from '../../src/core/quiet-log.ts'
import { kafka } from '../../src/drivers/kafka/driver.ts'
import { nats } from '../../src/drivers/nats/driver.ts'
import { pulsar } from '../../src/drivers/pulsar/driver.ts'
import { rabbitmq } from '../../src/drivers/rabbitmq/driver.ts'
import { given } from '../brokers/given.ts'
import type { Kind } from '../brokers/kinds.ts'
import { ensureCertificates, tls } from '../brokers/tls.ts'

/** TLS by a certificate that was valid for a day in 2020, in front of a broker's plain port. */
async function expired(target: string, upgrading: boolean): Promise<number> {
  await ensureCertificates()
  const { key, cert } = tls.expired
  const identity = { key: readFileSync(key), cert: readFileSync(cert) }
  const [host, port] = target.split(':') as [string, string]
  const pipe = (client: Socket) => {
    const upstream = connect(Number(port), host)
    client.pipe(upstream).pipe(client)
    for (const socket of [client, upstream])
      socket.on('error', () => {
        client.destroy()
        upstream.destroy()
      })
  }
  // NATS speaks first, and then TLS.
  const server: Server = upgrading
    ? createServer(socket => {
        socket.on('error', () => {})
        socket.write('INFO {"server_id":"x","version":"2.15.0","max_payload":1048576,"tls_required":true}\r\n')
        new TLSSocket(socket, { isServer: true, ...identity }).on('error', () => socket.destroy())
      })
    : createTlsServer(identity, pipe)
  server.on('tlsClientError', () => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

const CASES: readonly (readonly [Driver, Kind, (port: number) => string, object])[] = [
  [rabbitmq, 'rabbitmq4', port => `amqps://guest:guest@127.0.0.1:${port}`, { queue: 'any' }],
  [kafka, 'kafka', port => `kafkas://127.0.0.1:${port}`, { topic: 'any' }],
  [nats, 'nats', port => `tls://127.0.0.1:${port}`, { subject: 'any' }],
  [pulsar, 'pulsar', port => `wss://127.0.0.1:${port}`, { topic: 'any' }],
]

test.each(CASES)(
  '$name: a broker whose certificate has expired is refused, in a sentence',
  async (driver, kind, url, options) => {
    const { host } = new URL(given(kind).url)
    const port = await expired(host, kind === 'nats')
    const context = { name: 'late', log: quiet, baseDir: process.cwd() }
    await using connection = driver.connect({ url: url(port), tls: { ca: tls.ca } }, context)
    const signal = AbortSignal.timeout(60_000)
    const endpoint = { route: 'late', inFlight: 10, inFlightBytes: 2 ** 20, log: quiet, status() {} }
    await expect(connection.sink(options, endpoint, signal)).rejects.toMatchObject({
      code: 'TLS_FAILED',
      fate: 'fatal',
      message: expect.stringMatching(/expired/),
    })
  },
)
