import { expect, test } from 'vitest'
import type { Driver } from '../../src/core/ports.ts'
import { quiet } from '../../src/core/quiet-log.ts'
import { kafka } from '../../src/drivers/kafka/driver.ts'
import { nats } from '../../src/drivers/nats/driver.ts'
import { pulsar } from '../../src/drivers/pulsar/driver.ts'
import { rabbitmq } from '../../src/drivers/rabbitmq/driver.ts'
import { given } from '../brokers/given.ts'
import type { Kind } from '../brokers/kinds.ts'
import { tls } from '../brokers/tls.ts'
import { TlsFront } from '../brokers/tls-front.ts'

const CASES: readonly (readonly [Driver, Kind, (at: string) => string, object])[] = [
  [rabbitmq, 'rabbitmq4', at => `amqps://guest:guest@${at}`, { queue: 'any' }],
  [kafka, 'kafka', at => `kafkas://${at}`, { topic: 'any' }],
  [nats, 'nats', at => `tls://${at}`, { subject: 'any' }],
  [pulsar, 'pulsar', at => `wss://${at}`, { topic: 'any' }],
]

test.each(CASES)(
  '$name: a broker whose certificate has expired is refused, in a sentence',
  async (driver, kind, url, options) => {
    // Valid for a day in 2020.
    await using front = await TlsFront.open({ ...given(kind), proxy: undefined }, tls.expired)
    const context = { name: 'late', log: quiet, baseDir: process.cwd() }
    await using connection = driver.connect({ url: url(front.address), tls: { ca: tls.ca } }, context)
    const signal = AbortSignal.timeout(60_000)
    const endpoint = { route: 'late', inFlight: 10, inFlightBytes: 2 ** 20, log: quiet, status() {} }
    await expect(connection.sink(options, endpoint, signal)).rejects.toMatchObject({
      code: 'TLS_FAILED',
      fate: 'fatal',
      message: expect.stringMatching(/expired/),
    })
  },
)
