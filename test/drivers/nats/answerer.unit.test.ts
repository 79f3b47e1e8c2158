import { expect, test } from 'vitest'
import { SluiceError } from '../../../src/core/errors.ts'
import { errorHeaders } from '../../../src/drivers/nats/answerer.ts'

test('an error is numbered as services of NATS do, its text without what no header has room for', () => {
  const said = (code: ConstructorParameters<typeof SluiceError>[0], text = 'why') =>
    Object.fromEntries(errorHeaders(new SluiceError(code, text)))
  expect(said('REPLY_TIMED_OUT')).toEqual({
    'Nats-Service-Error': 'REPLY_TIMED_OUT: why',
    'Nats-Service-Error-Code': '504',
  })
  const number = (code: Parameters<typeof said>[0]) => said(code)['Nats-Service-Error-Code']
  expect([number('NO_RESPONDER'), number('TOO_LARGE'), number('CONNECTION_LOST')]).toEqual(['503', '400', '500'])
  expect(said('UNKNOWN', ' a\r\n\0b\ud800 ')['Nats-Service-Error']).toBe('UNKNOWN: a b\ufffd')
  expect(errorHeaders(undefined)).toEqual([])
})
