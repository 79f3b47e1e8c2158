import assert from 'node:assert/strict'
import { SluiceError } from '../../../src/core/errors.ts'
import { Headers } from '../../../src/core/headers.ts'
import type { Message } from '../../../src/core/message.ts'
import type { Delivery } from '../../../src/core/ports.ts'
import type { Answer, Reply, ReplyInbox } from '../../../src/core/reply-ports.ts'
import type { Case } from '../case.ts'
import type { Lab } from '../lab.ts'

const COUNT = 50

export const replies: Case = {
  number: 19,
  title: 'asks and answers: an inbox hears what its requests are answered, also after it was opened anew',
  unasked: ({ replies }) => (replies === undefined ? 'features.replies: it bridges no requests' : undefined),
  async run(lab) {
    const requests = await lab.address()
    const shared = lab.features.replies === 'shared' ? await lab.address() : undefined
    const open = (name: string) => lab.inbox({ name, address: shared?.name, sink: requests.sink })
    // Names differ between runs: a broker may remember.
    const name = `case-19-${process.pid}-${Date.now().toString(36)}`
    const [mine, other] = [await open(name), await open(`${name}-other`)]
    const [ear, otherEar] = [new Ear(mine, lab), new Ear(other, lab)]
    const sink = await lab.sink(requests.sink)
    const responder = await lab.receiver(requests)
    const answerer = await lab.answerer()

    await lab.publish(sink, [lab.message()])
    const [oneWay] = await responder.take(1)
    assert.equal(answerer.expects(oneWay!.message), false, 'a message that names no address for an answer expects none')
    oneWay!.ack()

    const asked = (inbox: ReplyInbox, from: number, prefix = name) =>
      Array.from({ length: COUNT }, (_, n) => inbox.ask(lab.message(), `${prefix}.${from + n}`))
    const exchange = async (questions: readonly Message[]): Promise<readonly Message[]> => {
      await lab.publish(sink, questions)
      const deliveries = await responder.take(questions.length)
      const answers = deliveries.map(answerTo)
      const results = await answerer.answer(answers, lab.signal)
      assert.deepEqual(results, Array(answers.length).fill(null), 'each answer has its result, and each is taken')
      for (const delivery of deliveries) delivery.ack()
      return deliveries.map(({ message }) => message)
    }

    const first = await exchange([...asked(mine, 0), ...asked(other, 0, `${name}-other`)])
    for (const request of first) assert.ok(answerer.expects(request), 'a request that `ask` made expects an answer')
    await ear.hears(numbers(name, 0))
    await otherEar.hears(numbers(`${name}-other`, 0))
    ear.check(name)

    // The same name, the same address: what was asked before is heard by the next session.
    await ear.close()
    const again = await open(name)
    const second = new Ear(again, lab)
    await exchange(asked(mine, COUNT))
    await second.hears(numbers(name, COUNT))
    second.check(name)

    await other[Symbol.asyncDispose]()
    const lost = await answerer.answer([answerTo({ message: first.at(-1)! })], lab.signal)
    assert.equal(lost.length, 1, 'one result per answer')
    assert.ok(lost[0] === null || lost[0]!.code === 'REQUESTER_GONE', `nobody there is REQUESTER_GONE, not ${lost[0]}`)
    const aborted = await answerer.answer([answerTo({ message: first[0]! })], AbortSignal.abort())
    assert.equal(aborted[0]?.code, 'ABORTED', 'an aborted signal gives ABORTED')
    await answerer[Symbol.asyncDispose]()
    const closed = await answerer.answer([answerTo({ message: first[0]! })], lab.signal)
    assert.equal(closed[0]?.code, 'ABORTED', 'a disposed answerer gives ABORTED')
  },
}

const numbers = (name: string, from: number) => Array.from({ length: COUNT }, (_, n) => `${name}.${from + n}`)

// Every other one is an error, which is a message like any other, with what the protocol has for it beside.
function answerTo({ message: request }: Pick<Delivery, 'message'>): Answer {
  const error = request.id.endsWith('1') ? new SluiceError('REPLY_TIMED_OUT', 'nobody answered') : undefined
  const headers = Headers.of(error === undefined ? { by: 'lab' } : { by: 'lab', 'sluice-error': error.code })
  const bytes = Buffer.from([0xff, 0x00, ...Buffer.from(request.id)])
  return { request, error, reply: request.with({ headers, bytes, properties: { contentType: 'x/y' }, key: null }) }
}

/** Listens at an inbox. */
class Ear {
  readonly #lab: Lab
  readonly #inbox: ReplyInbox
  readonly #heard: Reply[] = []
  readonly #stop = new AbortController()
  readonly #running: Promise<void>
  #failure: unknown

  constructor(inbox: ReplyInbox, lab: Lab) {
    this.#lab = lab
    this.#inbox = inbox
    this.#running = this.#listen().catch(error => {
      this.#failure = error
    })
  }

  async #listen(): Promise<void> {
    for await (const replies of this.#inbox.receive(this.#stop.signal)) this.#heard.push(...replies)
  }

  /** Until exactly these have come, beside what is for others. */
  async hears(correlations: readonly string[]): Promise<void> {
    const wanted = new Set(correlations)
    const end = performance.now() + this.#lab.patienceMs
    while (!wanted.isSubsetOf(new Set(this.#heard.map(({ correlation }) => correlation)))) {
      if (this.#failure !== undefined) throw this.#failure
      const got = this.#heard.length
      assert(performance.now() < end, `the inbox hears every answer under its correlation; it heard ${got}`)
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  }

  /** What came with the prefix came once, is what was sent, and no longer says whom it was for. */
  check(prefix: string): void {
    const mine = this.#heard.filter(({ correlation }) => correlation.startsWith(`${prefix}.`))
    assert.equal(mine.length, COUNT, 'each answer comes once')
    for (const { message, error } of mine) {
      assert.equal(error, undefined, 'an answer is no word of the broker')
      assert.deepEqual([...message.bytes!.subarray(0, 2)], [0xff, 0x00], 'bytes of an answer come back exactly')
      assert.equal(message.headers.text('by'), 'lab', 'headers of an answer come back')
      assert.equal(message.contentType, 'x/y', 'properties of an answer come back')
      const { replyTo, correlationId } = message.properties
      assert.deepEqual([replyTo, correlationId], [undefined, undefined], 'what addressed the answer is gone')
    }
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#running
    await this.#inbox[Symbol.asyncDispose]()
  }
}
