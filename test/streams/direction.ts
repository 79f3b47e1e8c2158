import { randomUUID } from 'node:crypto'
import { given } from '../brokers/given.ts'
import type { SourceEnd, TargetEnd } from './ends.ts'
import { KafkaEnd } from './kafka-end.ts'
import { RabbitEnd, type RabbitEndOptions } from './rabbit-end.ts'

type Rabbit = 'rabbitmq4' | 'rabbitmq3'
type KafkaChanges = Partial<Omit<ConstructorParametersOf, 'url'>>
type ConstructorParametersOf = Parameters<typeof KafkaEnd.open>[0]

export interface LaneOptions {
  /** Changes of the ends; which of them applies depends on the direction. */
  readonly rabbit?: Partial<RabbitEndOptions>
  readonly kafka?: KafkaChanges
}

/** A fresh queue and a fresh topic, and which way the messages go. */
export interface Lane extends AsyncDisposable {
  readonly source: SourceEnd & (RabbitEnd | KafkaEnd)
  readonly target: TargetEnd & (RabbitEnd | KafkaEnd)
  readonly rabbit: RabbitEnd
  readonly kafka: KafkaEnd
}

export interface Direction {
  readonly name: string
  readonly fromKafka: boolean
  lane(options?: LaneOptions): Promise<Lane>
}

function direction(rabbit: Rabbit, fromKafka: boolean): Direction {
  return {
    name: fromKafka ? `kafka → ${rabbit}` : `${rabbit} → kafka`,
    fromKafka,
    async lane(options = {}) {
      const name = `stream.${randomUUID().slice(0, 13)}`
      const log = await KafkaEnd.open({ url: given('kafka').url, topic: name, ...options.kafka })
      const queue = await RabbitEnd.open({ url: given(rabbit).url, queue: name, ...options.rabbit })
      return {
        source: fromKafka ? log : queue,
        target: fromKafka ? queue : log,
        rabbit: queue,
        kafka: log,
        async [Symbol.asyncDispose]() {
          await Promise.all([log[Symbol.asyncDispose](), queue[Symbol.asyncDispose]()])
        },
      }
    },
  }
}

export const rabbitToKafka = direction('rabbitmq4', false)
export const kafkaToRabbit = direction('rabbitmq4', true)
/** Every stream case passes both. */
export const directions = [rabbitToKafka, kafkaToRabbit]
/** A few pass these as well. */
export const withRabbit3 = [...directions, direction('rabbitmq3', false), direction('rabbitmq3', true)]
