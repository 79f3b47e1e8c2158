import { SluiceError } from '../core/errors.ts'
import type { Transactions } from '../core/ports.ts'
import type { LineParts } from './line-parts.ts'
import { closeQuietly } from './patience.ts'
import type { Stillness } from './stillness.ts'

/** What ties source and sinks of an exactly-once route together; undefined on others. Throws NOT_SUPPORTED. */
export function openTransactions(
  { route, connections, log }: LineParts,
  stillness: Stillness,
  stack: AsyncDisposableStack,
): Transactions | undefined {
  if (route.delivery !== 'exactly-once') return undefined
  const lease = connections.use(route.from.connection)
  stack.defer(() => closeQuietly(lease, `connection ${route.from.connection} of route ${route.name}`, log))
  const transactions = lease.connection.transactions?.(route.from.options, route.to.options, {
    route: route.name,
    log,
    still: (work, withinMs) => stillness.still(work, withinMs),
  })
  if (transactions === undefined)
    throw new SluiceError('NOT_SUPPORTED', `connection ${route.from.connection} has no transactions`)
  stack.defer(() => closeQuietly(transactions, `the transactions of route ${route.name}`, log))
  return transactions
}
