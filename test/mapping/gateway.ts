import { fill, RunningGateway } from '../streams/gateway.ts'

/** From a queue through a topic to an exchange, everything in the order of its source. */
const THROUGH_KAFKA = `
version: 1
admin: false
connections:
  shop: { url: $RABBIT }
  log: { url: $KAFKA }
routes:
  out:
    from: { connection: shop, queue: $QUEUE, type: $TYPE }
    to: { connection: log, topic: $TOPIC }
    order: source
  back:
    from: { connection: log, topic: $TOPIC }
    to: { connection: shop, exchange: $EXCHANGE }
    order: source
`

/** From a topic through an exchange and its queue to another topic. */
const THROUGH_RABBIT = `
version: 1
admin: false
connections:
  shop: { url: $RABBIT }
  log: { url: $KAFKA }
routes:
  out:
    from: { connection: log, topic: $TOPIC }
    to: { connection: shop, exchange: $EXCHANGE }
    order: source
  back:
    from: { connection: shop, queue: $QUEUE, type: $TYPE }
    to: { connection: log, topic: $TARGET }
    order: source
`

export interface Ends {
  readonly RABBIT: string
  readonly KAFKA: string
  readonly QUEUE: string
  readonly TYPE: string
  readonly EXCHANGE: string
  readonly TOPIC: string
}

export const throughKafka = (ends: Ends) => RunningGateway.start(fill(THROUGH_KAFKA, { ...ends }))
export const throughRabbit = (ends: Ends & { readonly TARGET: string }) =>
  RunningGateway.start(fill(THROUGH_RABBIT, { ...ends }))

/** What a test waits for; when it does not come, the error tells what the gateway has logged. */
export async function watched<T>(gateway: RunningGateway, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw new Error(`${(error as Error).message}; the gateway says:\n${gateway.lines.slice(-20).join('\n')}`, {
      cause: error,
    })
  }
}
