import type { CheckedEndpoint } from './check-endpoint.ts'
import type { Path } from './problem.ts'
import { isMapping, type Mapping, type Scope } from './scope.ts'
import { list } from './suggestion.ts'

/** The step that makes several messages of one. */
const SPLIT = 'split'

/** Checks that both ends of a route with `delivery: exactly-once` can share transactions. False = problems were reported. */
export function checkDelivery(
  raw: Mapping,
  path: Path,
  from: CheckedEndpoint | undefined,
  to: CheckedEndpoint | undefined,
  scope: Scope,
): boolean {
  if (raw['delivery'] !== 'exactly-once' || from === undefined || to === undefined) return true
  const at = [...path, 'delivery']
  const before = scope.issues.length
  const able = [...scope.context.registry.drivers.values()].filter(driver => driver.features.transactions === true)
  const lacking = [from.driver, to.driver].find(driver => driver.features.transactions !== true)
  const instead = 'Leave `delivery` out; `dedup` keeps copies away after a kill.'
  if (lacking !== undefined)
    scope.report(
      at,
      `exactly-once is not possible from ${from.driver.name} to ${to.driver.name}: ${lacking.name} has no transactions for it`,
      `It takes a source and a target of one cluster of: ${list(able.map(driver => driver.name))}. ${instead}`,
    )
  else if (from.config !== undefined && to.config !== undefined && from.config.connection !== to.config.connection)
    scope.report(
      at,
      `exactly-once is not possible between two connections ("${from.config.connection}" and "${to.config.connection}")`,
      `A transaction does not reach beyond a cluster. Use one connection for \`from\` and \`to\`. ${instead}`,
    )
  else if (from.config !== undefined && to.config !== undefined) {
    const { options: source } = from.config
    const { options: sink } = to.config
    scope.further(() => from.driver.checkTransactions?.(source, sink), path)
  }
  if (raw['dedup'] !== undefined)
    scope.report(
      [...path, 'dedup'],
      'dedup cannot be used with exactly-once',
      'Its keys are no part of the transaction: a key that is remembered for an aborted one would lose its message. Use one of the two.',
      { atKey: true },
    )
  const steps = Array.isArray(raw['transform']) ? (raw['transform'] as unknown[]) : []
  const splits = steps.findIndex(step => isMapping(step) && SPLIT in step)
  if (splits >= 0 && raw['deadLetter'] === undefined)
    scope.issues.push({
      path: [...path, 'transform', splits, SPLIT],
      atKey: true,
      severity: 'warning',
      message: 'with exactly-once and no deadLetter, a message of which one piece is refused stops the whole route',
      hint: 'Nothing can be committed while a message is published in part. Add `deadLetter`: the message is then put aside and the rest goes on.',
    })
  const gathers = steps.findIndex(
    step => isMapping(step) && Object.keys(step).some(name => scope.context.registry.gathers.has(name)),
  )
  if (gathers >= 0)
    scope.report(
      [...path, 'transform', gathers],
      'messages cannot be gathered with exactly-once',
      'What is gathered leaves long after it came, and a transaction cannot stay open for so long. Gather in a route of its own.',
    )
  if (raw['reply'] !== undefined && raw['reply'] !== false)
    scope.report(
      [...path, 'reply'],
      'requests cannot be answered with exactly-once',
      'An answer would wait for the end of its transaction. Leave `delivery` out.',
      { atKey: true },
    )
  return scope.issues.slice(before).every(issue => issue.severity === 'warning')
}
