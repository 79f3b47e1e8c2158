import type { Driver, Features } from '../../src/core/ports.ts'
import { CASES } from './all-cases.ts'
import type { TestbedFacts } from './case.ts'
import { type Skip, whyNot } from './index.ts'

/** A driver on the brokers it is tested with, and what decides which cases it is asked. */
export interface Entry {
  /** The brokers with their versions, e.g. `Kafka 4.4`. */
  readonly label: string
  readonly driver: Pick<Driver, 'features' | 'schemes'>
  readonly testbed: TestbedFacts
  readonly skip: readonly Skip[]
}

const MEBI = 1024 * 1024

const ROWS: readonly (readonly [title: string, cell: (entry: Entry) => string])[] = [
  ['Urls begin with', ({ driver }) => driver.schemes.map(scheme => `\`${scheme}://\``).join(' ')],
  feature('Keeps what is published', ({ durable }) => (durable ? 'yes' : 'no: at most once on its side')),
  feature('After a crash comes again', ({ redelivery, durable }) =>
    !durable
      ? 'nothing'
      : redelivery === 'each'
        ? 'what was not acknowledged'
        : 'all from the oldest that was not acknowledged',
  ),
  feature('Redeliveries are counted', ({ countsAttempts }) => yes(countsAttempts)),
  feature('Several gateways', ({ groups }) => (groups ? 'share a group; two groups get all each' : 'share a queue')),
  feature('Under way into it at once', ({ orderedBatch }) =>
    orderedBatch ? 'many messages of a key' : 'one message of a key, all keys',
  ),
  feature('Keys, headers, null bodies kept', ({ keys, headers, tombstones }) => yes(keys && headers && tombstones)),
  feature('Requests and replies', ({ replies }) => (replies === undefined ? 'no' : `${replies} address for answers`)),
  feature('Exactly once within a cluster', ({ transactions }) => yes(transactions === true)),
  feature('Largest message, by default', ({ maxBytes }) => `${Math.round((maxBytes / MEBI) * 100) / 100} MiB`),
  ['Conformance cases passed', entry => `${CASES.length - omitted(entry).length} of ${CASES.length}`],
]

/** What each driver can do and how many cases it passes, as a Markdown table; why others are not asked stands below it. */
export function conformanceTable(entries: readonly Entry[]): string {
  const head = ['', ...entries.map(entry => entry.label)]
  const rows = ROWS.map(([title, cell]) => [title, ...entries.map(cell)])
  const table = [head, head.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`)
  return [...table, '', ...entries.flatMap(entry => omitted(entry).map(why => `- ${entry.label}: ${why}`))].join('\n')
}

function feature(title: string, cell: (features: Features) => string): (typeof ROWS)[number] {
  return [title, ({ driver }) => cell(driver.features)]
}

function omitted({ driver, testbed, skip }: Entry): readonly string[] {
  return CASES.flatMap(one => {
    const reason = whyNot(one, driver.features, testbed, skip)
    return reason === undefined ? [] : [`not asked case ${one.number} (${one.title}): ${reason}`]
  })
}

const yes = (value: boolean) => (value ? 'yes' : 'no')
