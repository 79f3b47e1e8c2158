import { expect, test } from 'vitest'
import { SluiceError } from '../../src/core/errors.ts'
import { Headers } from '../../src/core/headers.ts'
import { Item } from '../../src/engine/item.ts'
import { Requests } from '../../src/engine/requests.ts'
import { Telemetry } from '../../src/engine/telemetry.ts'
import { message } from '../core/sample.ts'

const hostile = new Headers(() => {
  throw new SluiceError('HEADERS_INVALID', 'no headers')
})

test('an answer whose headers cannot be read is an error for its requester, and for nobody else', () => {
  const answers: (string | undefined)[] = []
  const requests = new Requests({
    route: 'prices',
    instance: 'me',
    timeoutMs: 60_000,
    expects: () => true,
    ask: request => request,
    send: ({ error }) => answers.push(error?.code),
    metrics: new Telemetry().route('prices').requests,
    timedOut: () => {},
  })
  const items = ['a', 'b'].map(id => {
    const delivery = { message: message({ id }), expired: false, ack() {}, release() {} }
    return new Item(delivery, performance.now())
  })
  requests.begin(items)
  for (const item of items) requests.ask(item.message, item)
  requests.receive({ correlation: 'me.0', message: message({ headers: hostile }) })
  requests.receive({ correlation: 'me.1', message: message() })
  requests.close()
  expect(answers).toEqual(['HEADERS_INVALID', undefined])
})
