import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import type WebSocket from 'ws'
import { WebSocketServer } from 'ws'
import { readAddress } from '../../../src/drivers/pulsar/address.ts'
import { openSink, openSource } from '../../../src/drivers/pulsar/endpoints.ts'
import { parseMessageId, printMessageId } from '../../../src/drivers/pulsar/message-id.ts'
import { packProperties, unpackProperties } from '../../../src/drivers/pulsar/properties.ts'
import { toMessage } from '../../../src/drivers/pulsar/record.ts'
import { parseFrame } from '../../../src/drivers/pulsar/ws-consumer.ts'
import { plainReason } from '../../../src/drivers/pulsar/ws-dial.ts'
import { parseAnswer } from '../../../src/drivers/pulsar/ws-producer.ts'
import { WsTransport } from '../../../src/drivers/pulsar/ws-transport.ts'
import { carriedList } from '../../core/carrier-arbitrary.ts'
import { context, forever, message, noMarks } from './fake-transport.ts'

const TOPIC = { domain: 'persistent', tenant: 't', namespace: 'n', local: 'orders' } as const
const FRAME = { messageId: 'CAUQADAA', payload: 'bTA=', properties: {}, publishTime: '2026-11-25T22:56:00.504Z' }

async function listening(server: Server): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A server that takes every WebSocket and says what the test wants. */
async function pretender(talk: (socket: WebSocket, request: IncomingMessage) => void) {
  const server = createServer()
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', talk)
  const address = readAddress({ url: await listening(server), connectTimeout: '2s' }, 'log', '.')
  return { address, transport: new WsTransport(address) }
}

test.each([
  ['no JSON', '{"messageId":'],
  ['a list', '[]'],
  ['nothing', 'null'],
  ['no id', { ...FRAME, messageId: undefined }],
  ['an id that is no base64', { ...FRAME, messageId: '"},{"' }],
  ['an id that is no id', { ...FRAME, messageId: Buffer.from('hello').toString('base64') }],
  ['a body that is no base64', { ...FRAME, payload: 'b!A=' }],
  ['a body of a wrong length', { ...FRAME, payload: 'bTA' }],
  ['a body that is a number', { ...FRAME, payload: 7 }],
  ['properties that are a list', { ...FRAME, properties: ['a'] }],
  ['a property that is a number', { ...FRAME, properties: { a: 1 } }],
  ['a key that is an object', { ...FRAME, key: {} }],
])('a frame with %s ends the session with a clear error, and nothing is handed out', async (_, frame) => {
  const { address, transport } = await pretender(socket =>
    socket.once('message', () => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame))),
  )
  await using source = await openSource(address, transport, { topic: 'orders' }, context(), noMarks, forever)
  const next = source.receive(forever)[Symbol.asyncIterator]().next()
  await expect(next).rejects.toMatchObject({ code: 'PROTOCOL_MISMATCH', fate: 'fatal' })
})

test('a frame that is not UTF-8 is read as what it is not, and the message goes on', async () => {
  const frame = Buffer.from(JSON.stringify({ ...FRAME, properties: { name: '@@' } }))
  frame[frame.indexOf('@@')] = 0xff
  const { address, transport } = await pretender(socket =>
    socket.once('message', () => socket.send(frame, { binary: false })),
  )
  await using source = await openSource(address, transport, { topic: 'orders' }, context(), noMarks, forever)
  const { value } = await source.receive(forever)[Symbol.asyncIterator]().next()
  expect(value[0].message.headers.get('name')).toBe('\ufffd@')
})

test('times that are none, and counts below nothing', () => {
  const odd = { ...FRAME, publishTime: 'soon', eventTime: 5, redeliveryCount: -3 }
  const received = parseFrame(JSON.stringify(odd), TOPIC)!
  expect(received).toMatchObject({ eventTime: undefined, redeliveryCount: 0 })
  expect(Date.now() - received.publishTime).toBeLessThan(10_000)
})

test('fifty thousand properties', () => {
  const properties = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`p${i}`, 'x'.repeat(20)]))
  const received = parseFrame(JSON.stringify({ ...FRAME, properties }), TOPIC)!
  expect(toMessage(received, 'log', 1).headers.size).toBe(50_000)
})

test.each(['not json', '{}', '{"result":"ok"}', '{"result":7,"context":"0"}', '"ok"'])(
  'an answer %s ends the producer, and its messages may be sent again',
  async answer => {
    const { address, transport } = await pretender(socket => socket.on('message', () => socket.send(answer)))
    await using sink = await openSink(address, transport, { topic: 'orders' }, forever)
    expect(parseAnswer(answer)).toBeUndefined()
    expect(await sink.publish([message('a')], forever)).toMatchObject([{ code: 'PROTOCOL_MISMATCH' }])
  },
)

test('answers to nobody, and twice, are passed over', async () => {
  const { address, transport } = await pretender(socket =>
    socket.on('message', data => {
      const { context } = JSON.parse(String(data)) as { context: string }
      socket.send('{"result":"ok","context":"nobody"}')
      socket.send(JSON.stringify({ result: 'send-error:3', errorMsg: 'no luck', context }))
      socket.send(JSON.stringify({ result: 'ok', context }))
    }),
  )
  await using sink = await openSink(address, transport, { topic: 'orders' }, forever)
  const [result] = await sink.publish([message('a')], forever)
  expect(result).toMatchObject({ code: 'NACKED', message: 'persistent://public/default/orders: no luck' })
})

test('a frame that costs the connection is that of the largest message; the others are sent again', async () => {
  const { address, transport } = await pretender(socket => {
    let seen = 0
    socket.on('message', () => {
      if (++seen === 3) socket.close(1009)
    })
  })
  await using sink = await openSink(address, transport, { topic: 'orders' }, forever)
  const results = await sink.publish([message('a'), message('x'.repeat(500)), message('b')], forever)
  expect(results.map(result => [result?.code, result?.fate])).toEqual([
    ['CONNECTION_LOST', 'retry'],
    ['TOO_LARGE', 'poison'],
    ['CONNECTION_LOST', 'retry'],
  ])
})

test('a source whose connection ends over a size goes on with a new one', async () => {
  const { address, transport } = await pretender(socket => socket.once('message', () => socket.close(1009)))
  await using source = await openSource(address, transport, { topic: 'orders' }, context(), noMarks, forever)
  const next = source.receive(forever)[Symbol.asyncIterator]().next()
  await expect(next).rejects.toMatchObject({ code: 'CONNECTION_LOST', fate: 'retry' })
})

test('a server that is no Pulsar', async () => {
  const web = createServer((_, response) => response.writeHead(200).end('<html>hello</html>'))
  const transport = new WsTransport(readAddress({ url: await listening(web) }, 'log', '.'))
  await expect(transport.check(forever)).rejects.toMatchObject({ code: 'PROTOCOL_MISMATCH' })
  const missing = createServer((_, response) => response.writeHead(404).end())
  const other = new WsTransport(readAddress({ url: await listening(missing) }, 'log', '.'))
  // A broker says the same while it starts.
  await expect(other.check(forever)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    hint: expect.stringContaining('webSocketServiceEnabled'),
  })
})

test('a server that takes the connection and says nothing more', async () => {
  const address = readAddress({ url: await listening(createServer(() => {})), connectTimeout: '300ms' }, 'log', '.')
  await expect(new WsTransport(address).check(forever)).rejects.toMatchObject({ code: 'TIMED_OUT', fate: 'retry' })
})

test('a peer that stops answering pings is given up', async () => {
  const server = createServer()
  const sockets = new WebSocketServer({ server, autoPong: false })
  sockets.on('connection', () => {})
  const address = readAddress({ url: await listening(server), heartbeat: '1s' }, 'log', '.')
  await using source = await openSource(
    address,
    new WsTransport(address),
    { topic: 'orders' },
    context(),
    noMarks,
    forever,
  )
  const next = source.receive(forever)[Symbol.asyncIterator]().next()
  await expect(next).rejects.toMatchObject({
    code: 'CONNECTION_LOST',
    message: expect.stringContaining('no sign of life'),
  })
})

test('what a reader is sent with the very answer that opens it is received', async () => {
  const server = createServer()
  // Answer and frame go in one packet.
  server.prependListener('upgrade', (_, wire) => wire.cork())
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, { socket: wire }) => {
    socket.send(JSON.stringify(FRAME))
    wire.uncork()
  })
  const transport = new WsTransport(readAddress({ url: await listening(server) }, 'log', '.'))
  const settings = { topic: TOPIC, after: undefined, name: 'me', receiverQueueSize: 10 }
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const link = await transport.read(settings, { received: ({ token }) => resolve(token), lost: reject }, forever)
  setTimeout(() => reject(new Error('the frame was not received')), 30_000)
  expect(await promise).toBe(FRAME.messageId)
  await link.close(AbortSignal.timeout(1))
})

test('ids of any bytes are read or refused', () => {
  expect(parseMessageId(Buffer.from('CAUQADAA', 'base64'))).toEqual({
    ledger: 5n,
    entry: 0n,
    partition: -1,
    batchIndex: -1,
  })
  const batched = parseMessageId(Buffer.from([0x08, 5, 0x10, 7, 0x18, 2, 0x20, 4, 0x28, 10]))!
  expect([batched.partition, printMessageId(batched)]).toEqual([2, '5:7:4'])
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), bytes => {
      const id = parseMessageId(Buffer.from(bytes))
      if (id !== undefined) expect(printMessageId(id)).toMatch(/^\d+:\d+(:\d+)?$/)
    }),
  )
})

test('any list of headers comes back from its properties, whatever their order', () => {
  fc.assert(
    fc.property(carriedList(), fc.boolean(), (list, isNull) => {
      const packed = packProperties(list, { isNull, timestamp: undefined })
      const reordered = Object.fromEntries(Object.entries(packed).reverse())
      const natural = list.map(([name, value]) => [name.toWellFormed(), value] as const)
      const back = unpackProperties(reordered)
      const canonical = unpackProperties(packProperties(back.list, { isNull, timestamp: undefined }))
      expect(back.isNull).toBe(isNull)
      expect(back.list).toEqual(natural)
      expect(canonical.list).toEqual(natural)
    }),
  )
})

test.each(['', 'null', '{}', '[7]', '["a"]', '["a",["b"]]', '[["a",7]]', '[["c",null],["d"]]', '[[null]]', '[[]]'])(
  'a note that does not fit (%s) is a property like any other',
  note => {
    const { list } = unpackProperties({ b: '1', 'sluice-headers': note })
    expect(list.map(([name]) => name)).toEqual(['b', 'sluice-headers'])
  },
)

test('pages of errors become one line', () => {
  expect(plainReason('<html><h2>HTTP ERROR 404 No &quot;such&quot;\n thing</h2>…')).toBe('No "such" thing')
  expect(plainReason('plain')).toBe('plain')
  expect(plainReason(`<h2>${'x'.repeat(5_000)}</h2>`)).toHaveLength(300)
})
