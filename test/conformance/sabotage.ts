import type { Delivery, Driver, Sink, Source } from '../../src/core/ports.ts'
import type { Answerer, ReplyInbox } from '../../src/core/reply-ports.ts'

/** Parts of a driver to replace by worse ones, to see whether the suite notices. */
export interface Sabotage {
  source?(source: Source): Partial<Source>
  sink?(sink: Sink): Partial<Sink>
  delivery?(delivery: Delivery, all: readonly Delivery[]): Partial<Delivery>
  inbox?(inbox: ReplyInbox): Partial<ReplyInbox>
  answerer?(answerer: Answerer): Partial<Answerer>
  driver?(driver: Driver): Partial<Driver>
  inFlight?(limit: number): number
}

export function sabotaged(driver: Driver, sabotage: Sabotage): Driver {
  const { inFlight = limit => limit } = sabotage
  const worse: Driver = {
    ...driver,
    connect(options, context) {
      const connection = driver.connect(options, context)
      return {
        check: signal => connection.check(signal),
        async source(source, endpoint, signal) {
          const good = await connection.source(source, { ...endpoint, inFlight: inFlight(endpoint.inFlight) }, signal)
          return worseSource(good, sabotage)
        },
        async sink(sink, endpoint, signal) {
          const good = await connection.sink(sink, endpoint, signal)
          return {
            publish: (messages, stop) => good.publish(messages, stop),
            [Symbol.asyncDispose]: () => good[Symbol.asyncDispose](),
            ...sabotage.sink?.(good),
          }
        },
        async inbox(inbox, endpoint, signal) {
          const good = await connection.inbox!(inbox, endpoint, signal)
          return {
            ask: (request, correlation) => good.ask(request, correlation),
            receive: stop => good.receive(stop),
            [Symbol.asyncDispose]: () => good[Symbol.asyncDispose](),
            ...sabotage.inbox?.(good),
          }
        },
        async answerer(endpoint, signal) {
          const good = await connection.answerer!(endpoint, signal)
          return {
            expects: request => good.expects(request),
            answer: (answers, stop) => good.answer(answers, stop),
            [Symbol.asyncDispose]: () => good[Symbol.asyncDispose](),
            ...sabotage.answerer?.(good),
          }
        },
        [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
      }
    },
  }
  return { ...worse, ...sabotage.driver?.(worse) }
}

function worseSource(source: Source, sabotage: Sabotage): Source {
  const all: Delivery[] = []
  const worse: Source = {
    async *receive(signal) {
      for await (const batch of source.receive(signal)) {
        all.push(...batch)
        yield batch.map(delivery => worseDelivery(delivery, all, sabotage))
      }
    },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  }
  return { ...worse, ...sabotage.source?.(worse) }
}

function worseDelivery(delivery: Delivery, all: readonly Delivery[], sabotage: Sabotage): Delivery {
  const worse = {
    message: delivery.message,
    ack: () => delivery.ack(),
    release: (delayMs?: number) => delivery.release(delayMs),
    ...sabotage.delivery?.(delivery, all),
  }
  return Object.defineProperty(worse, 'expired', { get: () => delivery.expired }) as Delivery
}
