import type { RouteConfig, StepConfig } from '../config/schema.ts'
import type { Message } from '../core/message.ts'
import type { Features, Transform } from '../core/ports.ts'
import { milliseconds } from '../core/schema.ts'
import { chain } from './chain.ts'
import { guard } from './guard.ts'
import type { LineParts } from './line-parts.ts'
import { type OrderKey, orderKey } from './order.ts'

/** What reads the received message sees its body as the route decodes it. */
export function decoded(route: RouteConfig, message: Message): Message {
  return route.decode === 'json' ? message : message.with({ decode: route.decode })
}

/** The ordering key of a received message. */
export function orderOf(route: RouteConfig, features: Features): OrderKey {
  const order = orderKey(route, features)
  return route.decode === 'json' ? order : message => order(decoded(route, message))
}

/** The steps as one transform; undefined = there are none. `received`: they are the first that see the message. */
export async function transforms(
  { route, registry, baseDir, log }: LineParts,
  wanted: readonly StepConfig[],
  received = true,
): Promise<Transform | undefined> {
  const steps: Transform[] = []
  if (received && route.decode !== 'json') steps.push(message => decoded(route, message))
  for (const step of wanted) {
    const factory = registry.transforms.get(step.name)!
    const transform = await factory.create(step.options, { route: route.name, baseDir, log })
    steps.push(guard(transform, { name: step.name, timeoutMs: milliseconds(step.timeout) }))
  }
  return steps.length === 0 ? undefined : chain(steps)
}
