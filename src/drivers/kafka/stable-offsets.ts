import type { Log } from '../../core/ports.ts'
import { pause } from '../../core/waiting.ts'
import { kafkaName } from './errors.ts'
import type { OffsetReader } from './start-offsets.ts'
import type { KafkaTransactions } from './transactions.ts'

const LOOK_EVERY = 100

/**
 * Reads what the group has committed once no open transaction can change it: somebody who had the partitions before may be
 * committing at this moment, or was killed in the middle. The place in the group is held meanwhile.
 */
export function stableOffsets(
  transactions: KafkaTransactions,
  heartbeatInterval: number,
  log: Log,
  signal: AbortSignal,
): OffsetReader {
  return async (group, partitions) => {
    await transactions.renew(signal)
    for (let looks = 1; ; looks++) {
      try {
        return await transactions.stableOffsets(group.groupId, partitions)
      } catch (error) {
        if (kafkaName(error) !== 'UNSTABLE_OFFSET_COMMIT') throw error
      }
      signal.throwIfAborted()
      if (looks === 10)
        log.info(
          { group: group.groupId },
          `group ${group.groupId}: somebody left a transaction open; waiting until the broker ends it`,
        )
      await pause(LOOK_EVERY, signal)
      // A rebalance that has begun meanwhile ends the waiting.
      await group.heartbeat({ interval: heartbeatInterval })
    }
  }
}
