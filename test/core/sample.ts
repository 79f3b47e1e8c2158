import { type HeaderEntry, Headers } from '../../src/core/headers.ts'
import { Message, type MessageFields } from '../../src/core/message.ts'

export const ORIGIN = { connection: 'shop', address: 'orders', sequence: 'orders', position: '7', attempt: 1 } as const

/** A message for a test; `body` is written as JSON. */
export function message(
  fields: Partial<Omit<MessageFields, 'headers'>> & {
    readonly body?: unknown
    readonly headers?: Headers | readonly HeaderEntry[]
  } = {},
): Message {
  const { body, headers = [], ...rest } = fields
  return new Message({
    id: 'm-1',
    key: null,
    subject: 'order.created',
    bytes: body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body)),
    timestamp: 1_700_000_000_000,
    properties: {},
    source: ORIGIN,
    ...rest,
    headers: headers instanceof Headers ? headers : new Headers(headers),
  })
}

/** The code of the SluiceError that `work` throws; a failure of the test when it throws none. */
export function thrown(work: () => unknown): { readonly code: string; readonly message: string } {
  try {
    work()
  } catch (error) {
    return error as { code: string; message: string }
  }
  throw new Error('nothing was thrown')
}
