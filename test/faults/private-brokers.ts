import { afterAll, beforeAll } from 'vitest'
import { type Broker, startBroker } from '../brokers/broker.ts'

export interface PrivateBrokers {
  readonly rabbit: Broker
  readonly kafka: Broker
}

/** A RabbitMQ 4 and a Kafka for one file's tests alone, to be broken at will. */
export function privateBrokers(name: string): PrivateBrokers {
  let started: PrivateBrokers | undefined
  const open: Broker[] = []
  beforeAll(async () => {
    const instance = `${name}-${process.pid}`
    const [rabbit, kafka] = await Promise.all(
      (['rabbitmq4', 'kafka'] as const).map(async kind => {
        const broker = await startBroker(kind, { instance })
        open.push(broker)
        return broker
      }),
    )
    started = { rabbit: rabbit!, kafka: kafka! }
  })
  afterAll(() => Promise.all(open.map(broker => broker[Symbol.asyncDispose]())))
  const ready = () => {
    if (started === undefined) throw new Error('the private brokers are started before the first test')
    return started
  }
  return {
    get rabbit() {
      return ready().rabbit
    },
    get kafka() {
      return ready().kafka
    },
  }
}
