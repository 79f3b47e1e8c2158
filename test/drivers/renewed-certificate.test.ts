import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, TLSSocket } from 'node:tls'
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Driver } from '../../src/core/ports.ts'
import { quiet } from '../../src/core/quiet-log.ts'
import { tlsSettings } from '../../src/core/tls-files.ts'
import { address } from '../../src/drivers/kafka/address.ts'
import { adminClient, kafkajsClient } from '../../src/drivers/kafka/client.ts'
import { kafka } from '../../src/drivers/kafka/driver.ts'
import { Sockets } from '../../src/drivers/kafka/socket.ts'
import { nats } from '../../src/drivers/nats/driver.ts'
import { pulsar } from '../../src/drivers/pulsar/driver.ts'
import { rabbitmq } from '../../src/drivers/rabbitmq/driver.ts'
import { clientCertificate, ensureCertificates, tls } from '../brokers/tls.ts'

let dir: string
/** Puts the certificate and key of this name where the connection looks for them. */
const renew = (name: string) => {
  for (const ending of ['crt', 'key']) copyFileSync(join(dir, `${name}.${ending}`), join(dir, `client.${ending}`))
}
const files = { ca: tls.ca, cert: 'client.crt', key: 'client.key' }

beforeAll(async () => {
  await ensureCertificates()
  dir = mkdtempSync(join(tmpdir(), 'sluice-renewed-'))
  await clientCertificate(dir, 'old')
  await clientCertificate(dir, 'new')
  return () => rmSync(dir, { recursive: true })
})
beforeEach(() => renew('old'))

/** Asks for a certificate, notes its name, and hangs up. */
async function doorkeeper(upgrading = false): Promise<{ readonly port: number; readonly names: string[] }> {
  const names: string[] = []
  const { key, cert } = tls.server
  const identity = {
    ...{ key: readFileSync(key), cert: readFileSync(cert), ca: readFileSync(tls.ca) },
    ...{ requestCert: true, rejectUnauthorized: false },
  }
  const note = (socket: TLSSocket) => {
    names.push(String(socket.getPeerCertificate().subject?.CN))
    socket.destroy()
  }
  // NATS speaks first, and then TLS.
  const server: Server = upgrading
    ? createTcpServer(socket => {
        socket.on('error', () => {})
        socket.write('INFO {"server_id":"x","version":"2.15.0","max_payload":1048576,"tls_required":true}\r\n')
        const secured = new TLSSocket(socket, { isServer: true, ...identity })
        secured.on('error', () => socket.destroy()).on('secure', () => note(secured))
      })
    : createServer(identity, note)
  server.on('tlsClientError', () => {})
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, names }
}

const CASES: readonly (readonly [Driver, (port: number) => string])[] = [
  [rabbitmq, port => `amqps://guest:guest@127.0.0.1:${port}`],
  [kafka, port => `kafkas://127.0.0.1:${port}`],
  [nats, port => `tls://127.0.0.1:${port}`],
  [pulsar, port => `wss://127.0.0.1:${port}`],
]

test.each(CASES)('$name: a certificate that was renewed is used by the next connect', async (driver, url) => {
  const { port, names } = await doorkeeper(driver === nats)
  const context = { name: 'log', log: quiet, baseDir: dir }
  await using connection = driver.connect({ url: url(port), tls: files, connectTimeout: '5s' }, context)
  const check = () => connection.check(AbortSignal.timeout(60_000)).catch(() => {})
  await check()
  expect(new Set(names)).toEqual(new Set(['old']))
  renew('new')
  names.length = 0
  await check()
  expect(new Set(names)).toEqual(new Set(['new']))
})

describe('a Kafka client that stays open', () => {
  const where = (port: number) =>
    address({ url: `kafkas://127.0.0.1:${port}`, tls: files, connectTimeout: '5s' }, 'log', dir)

  test('reads with the renewed certificate when it connects again', async () => {
    const { port, names } = await doorkeeper()
    const sockets = new Sockets()
    const consumer = kafkajsClient(where(port), quiet, sockets).consumer({ groupId: 'lab' })
    // It tries again and again.
    const connecting = consumer.connect().catch(() => {})
    await expect.poll(() => names).toContain('old')
    renew('new')
    await expect.poll(() => names).toContain('new')
    await consumer.disconnect()
    sockets.close()
    await connecting
  })

  test('writes with the renewed certificate when it connects again', async () => {
    const { port, names } = await doorkeeper()
    const admin = adminClient(where(port))
    await admin.metadata({ topics: [] }).catch(() => {})
    renew('new')
    await admin.metadata({ topics: [], forceUpdate: true }).catch(() => {})
    await admin.close().catch(() => {})
    expect(new Set(names)).toEqual(new Set(['old', 'new']))
  })
})

test('in the middle of a renewal the certificate that was used last still counts', () => {
  const settings = tlsSettings(files, dir)
  const first = settings.secureContext
  expect(settings.secureContext).toBe(first)
  rmSync(join(dir, 'client.key'))
  expect(settings.secureContext).toBe(first)
  copyFileSync(join(dir, 'new.key'), join(dir, 'client.key'))
  // A key that is not the certificate's.
  expect(settings.secureContext).toBe(first)
  writeFileSync(join(dir, 'client.crt'), 'half of a cert')
  expect(settings.secureContext).toBe(first)
  renew('new')
  const second = settings.secureContext
  expect(second).not.toBe(first)
  expect({ ...settings }.secureContext).toBe(second)
})

test('what cannot be used from the start is said at once', () => {
  expect(() => tlsSettings({ ...files, key: 'none.key' }, dir)).toThrow(
    expect.objectContaining({
      code: 'OPTIONS_INVALID',
      message: expect.stringContaining('tls.key: the file none.key'),
    }),
  )
  copyFileSync(join(dir, 'new.key'), join(dir, 'client.key'))
  expect(() => tlsSettings(files, dir).secureContext).toThrow(/key values mismatch/)
})
