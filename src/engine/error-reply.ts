import type { SluiceError } from '../core/errors.ts'
import { Headers } from '../core/headers.ts'
import { ERROR_HEADER, Message } from '../core/message.ts'

/** What a requester gets instead of an answer: the code in `sluice-error`, and a JSON body { error, code, route }. */
export function errorReply(request: Message, error: SluiceError, route: string): Message {
  return new Message({
    key: null,
    subject: request.subject,
    headers: Headers.of({ [ERROR_HEADER]: error.code }),
    bytes: Buffer.from(JSON.stringify({ error: error.message, code: error.code, route })),
    timestamp: Date.now(),
    properties: { contentType: 'application/json' },
    source: request.source,
  })
}
