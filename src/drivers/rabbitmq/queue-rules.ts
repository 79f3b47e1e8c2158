import type { QueueTold } from './management.ts'

/** A limit that holds, and who set it. */
export interface Rule<T> {
  readonly value: T
  /** `x-message-ttl`, or `policy "short"`. */
  readonly by: string
}

/** What a queue does to its messages by itself. Times in ms; undefined = nothing sets it. */
export interface QueueRules {
  readonly deadLetters: Rule<string> | undefined
  /** Below 0 = none. */
  readonly deliveryLimit: Rule<number> | undefined
  readonly messageTtl: Rule<number> | undefined
  readonly expires: Rule<number> | undefined
  readonly maxLength: Rule<number> | undefined
  /** Bytes. */
  readonly maxBytes: Rule<number> | undefined
  readonly overflow: string
  readonly consumerTimeout: Rule<number> | undefined
}

/** What holds where both arguments and policies set something, as RabbitMQ decides it. */
export function rulesOf({ arguments: args, policy, policyNames }: QueueTold): QueueRules {
  const byPolicy = `policy "${policyNames.join('" and "')}"`
  const text = (name: string): Rule<string> | undefined => {
    const [own, set] = [args[`x-${name}`], policy[name]]
    if (typeof own === 'string') return { value: own, by: `x-${name}` }
    return typeof set === 'string' ? { value: set, by: byPolicy } : undefined
  }
  const number = (name: string, choose: (a: number, b: number) => number = Math.min): Rule<number> | undefined => {
    const [own, set] = [args[`x-${name}`], policy[name]]
    if (typeof own !== 'number' && typeof set !== 'number') return undefined
    if (typeof own !== 'number') return { value: set as number, by: byPolicy }
    if (typeof set !== 'number') return { value: own, by: `x-${name}` }
    const value = choose(own, set)
    return { value, by: value === own ? `x-${name}` : byPolicy }
  }
  return {
    deadLetters: text('dead-letter-exchange'),
    // Either may switch it off.
    deliveryLimit: number('delivery-limit', (a, b) => (a < 0 || b < 0 ? Math.max(a, b) : Math.min(a, b))),
    messageTtl: number('message-ttl'),
    expires: number('expires'),
    maxLength: number('max-length'),
    maxBytes: number('max-length-bytes'),
    overflow: text('overflow')?.value ?? 'drop-head',
    consumerTimeout: number('consumer-timeout'),
  }
}
