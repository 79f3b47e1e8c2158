import type { Paint } from '../../src/cli/paint.ts'
import { numeral } from './options.ts'
import { broken, type Totals } from './tally.ts'

export interface Facts {
  /** How many orders there were to publish. */
  readonly wanted: number
  readonly users: number
  readonly topic: string
  readonly deadQueue: string
  readonly largeQueue: string
  /** How often the shop published an order again because its confirm was lost. */
  readonly again: number
}

const REASONS: Readonly<Record<string, string>> = {
  VALIDATION_FAILED: 'breaks its JSON Schema',
  BODY_INVALID: 'is not JSON',
}

/** The report, a line each. */
export function report(totals: Totals, facts: Facts, paint: Paint): readonly string[] {
  const { green, yellow, red, bold, dim } = paint
  const row = (name: string, count: number, text: string) =>
    `  ${name.padEnd(14)}${bold(numeral(count).padStart(9))}  ${text}`
  const promise = (name: string, count: number, text = '') => {
    const verdict = count === 0 ? `${green('✔')}${text === '' ? '' : ` ${dim(text)}`}` : red('✖ this must not happen')
    return row(name, count, verdict)
  }
  const { published, delivered, filtered, deadLettered, deadAgain, reasons, lost, outOfOrder, duplicated, altered } =
    totals
  const again = facts.again === 0 ? '' : `though the shop published ${numeral(facts.again)} of them twice`
  const lines = [
    row('published', published, dim(`orders of ${numeral(facts.users)} users, confirmed by RabbitMQ`)),
    row('delivered', delivered, dim(`in Kafka, topic ${facts.topic}`)),
    row('and back', totals.broughtBack, dim(`large ones, in RabbitMQ's queue ${facts.largeQueue}`)),
    row('filtered', filtered, dim('with a total of 0: `filter` in routes.yaml')),
    row('dead-lettered', deadLettered, dim(`poison, in RabbitMQ's queue ${facts.deadQueue}:`)),
    ...reasons.map(([reason, count]) => {
      const meaning = REASONS[reason]
      return `${' '.repeat(27)}${numeral(count)} ${reason}${meaning === undefined ? '' : dim(`: ${meaning}`)}`
    }),
    ...(deadAgain === 0
      ? []
      : [`${' '.repeat(27)}${numeral(deadAgain)} ${dim('twice: written again after the SIGKILL')}`]),
    '',
    promise('lost', lost),
    promise('out of order', outOfOrder, 'per user'),
    duplicated === 0
      ? promise('duplicated', 0, again)
      : row('duplicated', duplicated, `${yellow('!')} ${dim(whyDuplicated(totals))}`),
    promise('changed', altered, 'but for the card numbers: plugins/mask-card.ts'),
  ]
  const failures = broken(totals, facts.wanted)
  const end =
    failures.length === 0
      ? green('Nothing was lost, and every user\u2019s orders came in order.')
      : red(`The promise was not kept: ${failures.join('; ')}.`)
  return [...lines, '', `  ${bold(end)}`]
}

function whyDuplicated({ duplicated, duplicatedByShop }: Totals): string {
  if (duplicatedByShop === 0) return 'at least once: sent again after the SIGKILL'
  if (duplicatedByShop === duplicated) return 'the shop had published them twice'
  return `the shop had published ${numeral(duplicatedByShop)} of them twice`
}
