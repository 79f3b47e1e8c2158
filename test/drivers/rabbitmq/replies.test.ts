import { describe, expect, it } from 'vitest'
import type { SluiceError } from '../../../src/core/errors.ts'
import type { Reply, ReplyInbox } from '../../../src/core/reply-ports.ts'
import { eventually, KINDS, texts, Workbench } from './workbench.ts'

async function inbox(bench: Workbench, address = bench.name): Promise<ReplyInbox> {
  const options = { name: 'inbox', address, sink: {}, timeoutMs: 5_000 }
  return bench.connection.inbox!(options, bench.context(), bench.signal)
}

/** Reads on; resolves with why it ended. */
function listen(from: ReplyInbox, heard: Reply[], signal: AbortSignal): Promise<SluiceError | undefined> {
  const run = async () => {
    for await (const replies of from.receive(signal)) heard.push(...replies)
  }
  return run().then(
    () => undefined,
    (error: SluiceError) => error,
  )
}

describe.each(KINDS)('requests and replies on %s', kind => {
  it('a lost connection loses no answer: the queue outlives it, and ends with an orderly close', async () => {
    await using bench = await Workbench.open(kind)
    const queue = `${bench.name}.inbox`
    const stop = new AbortController()
    const heard: Reply[] = []
    const first = await inbox(bench)
    const ended = listen(first, heard, stop.signal)
    bench.raw.sendToQueue(queue, Buffer.from('one'), { correlationId: '1' })
    await eventually(async () => (heard.length === 1 ? true : undefined))
    await bench.forceClose('consume')
    expect((await ended)?.code).toBe('CONNECTION_LOST')
    bench.raw.sendToQueue(queue, Buffer.from('two'), { correlationId: '2' })
    await first[Symbol.asyncDispose]()
    const second = await inbox(bench)
    const over = listen(second, heard, stop.signal)
    bench.raw.sendToQueue(queue, Buffer.from('three'), { correlationId: '3' })
    await eventually(async () => (heard.length === 3 ? true : undefined))
    expect(heard.map(({ correlation, message }) => [correlation, String(message.bytes)])).toEqual([
      ['1', 'one'],
      ['2', 'two'],
      ['3', 'three'],
    ])
    expect(second.ask(texts(1)[0]!, 'c').properties.replyTo).toBe(queue)
    stop.abort()
    expect(await over).toBeUndefined()
    await second[Symbol.asyncDispose]()
    const probe = await Workbench.open(kind)
    await using _probe = probe
    probe.raw.on('error', () => {})
    await expect(probe.raw.checkQueue(queue)).rejects.toThrow(/NOT_FOUND/)
  })

  it('what is gone is told from what is there, queue by queue and consumer by consumer', async () => {
    await using bench = await Workbench.open(kind)
    await using asking = await Workbench.open(kind)
    const leaving = await Workbench.open(kind)
    const queue = await asking.queue({ exclusive: true })
    const got: string[] = []
    await asking.raw.consume(queue, message => got.push(String(message?.content)), { noAck: true })
    await asking.raw.consume('amq.rabbitmq.reply-to', message => got.push(String(message?.content)), { noAck: true })
    await leaving.raw.consume('amq.rabbitmq.reply-to', () => {}, { noAck: true })
    const requests = await bench.queue()
    // What the broker makes of the address of a direct reply is only seen at the other end.
    const addressOf = async (channel: Workbench['raw']): Promise<string> => {
      channel.sendToQueue(requests, Buffer.from('q'), { replyTo: 'amq.rabbitmq.reply-to' })
      return eventually(async () => {
        const message = await bench.raw.get(requests, { noAck: true })
        return message === false ? undefined : String(message.properties.replyTo)
      })
    }
    const [there, gone] = [await addressOf(asking.raw), await addressOf(leaving.raw)]
    await leaving[Symbol.asyncDispose]()

    await using answerer = await bench.connection.answerer!(bench.context(), bench.signal)
    const to = (replyTo: string, text: string) => ({
      request: texts(1)[0]!.with({ properties: { replyTo, correlationId: text } }),
      reply: texts(1)[0]!.with({ bytes: Buffer.from(text) }),
      error: undefined,
    })
    const answers = [
      to(queue, 'a'),
      to(gone, 'b'),
      to(there, 'c'),
      to(`${queue}.no`, 'd'),
      to(there, 'e'),
      to(gone, 'f'),
    ]
    for (let round = 0; round < 2; round++) {
      const results = await answerer.answer(answers, bench.signal)
      expect(results.map(result => result?.code)).toEqual([
        undefined,
        'REQUESTER_GONE',
        undefined,
        'REQUESTER_GONE',
        undefined,
        'REQUESTER_GONE',
      ])
    }
    await eventually(async () => (got.length === 6 ? true : undefined))
    expect(got.toSorted()).toEqual(['a', 'a', 'c', 'c', 'e', 'e'])
    expect(answerer.expects(texts(1)[0]!)).toBe(false)
  })
})
