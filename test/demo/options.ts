import { parseArgs } from 'node:util'

export interface DemoOptions {
  readonly orders: number
  readonly users: number
  /** Orders per second that the shop publishes. */
  readonly rate: number
  /** Leave the brokers up afterwards. */
  readonly keep: boolean
  /** Stop the brokers that an earlier `--keep` left up, and nothing else. */
  readonly stop: boolean
  readonly help: boolean
}

export const usage = `npm run demo -- [options]

Publishes orders to RabbitMQ while Sluice carries them to Kafka, kills the
gateway and restarts RabbitMQ on the way, and then counts in Kafka whether every
order arrived, once and in order.

  --orders N   how many orders, 1,000 to 1,000,000 (default 50,000)
  --users N    of how many users, 10 to 10,000 (default 500)
  --rate N     orders a second that the shop publishes, 100 to 100,000
               (default 5,000)
  --keep       leave the brokers up, and say how to go on by hand
  --stop       stop the brokers that --keep left up

Brokers: those named by SLUICE_RABBITMQ_URL and SLUICE_KAFKA_URL; else Docker
Compose, where Docker runs; else real ones that are downloaded once into
.brokers/ and run from there.

Exit codes: 0 the promise was kept, 1 it was not, 2 wrong usage,
3 no brokers could be had, 130 Ctrl-C.
`

/** Throws an Error with a sentence for the user. */
export function parseOptions(args: readonly string[]): DemoOptions {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  const { values } = parseArgs({
    args: [...args],
    options: { orders: text, users: text, rate: text, keep: flag, stop: flag, help: { ...flag, short: 'h' } },
  })
  const { keep, stop, help } = values
  return {
    orders: integer('--orders', values.orders ?? '50000', 1_000, 1_000_000),
    users: integer('--users', values.users ?? '500', 10, 10_000),
    rate: integer('--rate', values.rate ?? '5000', 100, 100_000),
    keep,
    stop,
    help,
  }
}

function integer(name: string, text: string, least: number, most: number): number {
  const value = Number(text.replaceAll(/[_,]/g, ''))
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new Error(`${name} has to be a whole number from ${numeral(least)} to ${numeral(most)}, not ${text}.`)
}

/** 12345 → `12,345` */
export function numeral(value: number): string {
  return Math.round(value).toLocaleString('en')
}
