import { describe, expect, it } from 'vitest'
import { SluiceError } from '../../../src/core/errors.ts'
import { replyCode, translate } from '../../../src/drivers/rabbitmq/errors.ts'

const reply = (code: number, text: string, prefix = 'Operation failed: QueueDeclare; ') =>
  Object.assign(new Error(`${prefix}${code} (SOME-NAME) with message "${text}"`), { code })
const socket = (code: string, message = code) => Object.assign(new Error(message), { code })

describe('what amqplib, AMQP and sockets say', () => {
  it.each([
    [reply(404, "NOT_FOUND - no queue 'q' in vhost '/'"), 'ADDRESS_MISSING'],
    [reply(403, "ACCESS_REFUSED - write access to exchange 'e' in vhost '/' refused for user 'u'"), 'ACCESS_DENIED'],
    [reply(403, "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use"), 'ADDRESS_IN_USE'],
    [reply(405, "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'q'"), 'ADDRESS_IN_USE'],
    [reply(406, "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q'"), 'ADDRESS_MISMATCH'],
    [reply(406, "PRECONDITION_FAILED - unknown exchange type 'x-odd'"), 'OPTIONS_INVALID'],
    [reply(503, "COMMAND_INVALID - unknown exchange type 'x-odd'"), 'OPTIONS_INVALID'],
    [reply(406, 'PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out'), 'CHANNEL_LOST'],
    [reply(406, 'PRECONDITION_FAILED - unknown delivery tag 7', 'Channel closed by server: '), 'CHANNEL_LOST'],
    [reply(320, 'CONNECTION_FORCED - Closed via management plugin', 'Connection closed: '), 'CONNECTION_LOST'],
    [reply(530, 'NOT_ALLOWED - vhost nowhere not found', 'Connection closed: '), 'VHOST_MISSING'],
    [reply(540, 'NOT_IMPLEMENTED - queue does not support global qos', 'Connection closed: '), 'NOT_SUPPORTED'],
    [reply(541, 'INTERNAL_ERROR', 'Connection closed: '), 'UNAVAILABLE'],
    [new Error('Heartbeat timeout'), 'CHANNEL_LOST'],
    [new Error('Unexpected close'), 'CHANNEL_LOST'],
    [new Error('Channel ended, no reply will be forthcoming'), 'CHANNEL_LOST'],
    [socket('ECONNRESET', 'read ECONNRESET'), 'CHANNEL_LOST'],
    [socket('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'), 'TLS_FAILED'],
    [socket('ERR_TLS_CERT_ALTNAME_INVALID', 'altnames'), 'TLS_FAILED'],
    ['not even an error', 'CHANNEL_LOST'],
  ])('%s', (error, code) => {
    expect(translate(error, 'the session', 'CHANNEL_LOST').code).toBe(code)
  })

  it('becomes one plain sentence, with the cause behind it', () => {
    const cause = reply(404, "NOT_FOUND - no queue 'q' in vhost '/'")
    const error = translate(cause, 'queue "q"')
    expect(error.message).toBe(`queue "q": no queue 'q' in vhost '/'`)
    expect(error.cause).toBe(cause)
  })

  it('stays what it is when it is ours', () => {
    const ours = new SluiceError('TIMED_OUT', 'late')
    expect(translate(ours, 'the session')).toBe(ours)
  })

  it('tells its reply code, in a field or in the text', () => {
    expect(replyCode(reply(404, 'x'))).toBe(404)
    expect(replyCode(new Error('Handshake terminated by server: 403 (ACCESS-REFUSED) with message "x"'))).toBe(403)
    expect(replyCode(new Error('connect ECONNREFUSED 127.0.0.1:404'))).toBe(undefined)
    expect(replyCode(undefined)).toBe(undefined)
  })
})
