import type { Admin } from '@platformatic/kafka'
import { abortable } from '../../core/waiting.ts'
import type { Broker } from './address.ts'
import { kafkaError, kafkaName } from './errors.ts'
import { negotiated } from './produce.ts'

const GROUP = 0

/** Throws ACCESS_DENIED where the user may not use the group: kafkajs only says that it finds no coordinator. */
export async function checkGroup(
  admin: Admin,
  brokers: readonly Broker[],
  group: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    const api = await abortable(negotiated<[kind: number, keys: string[]], unknown>(admin, 'FindCoordinator'), signal)
    const connection = await abortable(admin.connections.getFirstAvailable([...brokers]), signal)
    await abortable(api.async(connection, GROUP, [group]), signal)
  } catch (error) {
    signal.throwIfAborted()
    // A coordinator that is not there yet is waited for when the group is joined.
    if (kafkaName(error) === 'GROUP_AUTHORIZATION_FAILED') throw kafkaError(error, `joining group ${group}`)
  }
}
