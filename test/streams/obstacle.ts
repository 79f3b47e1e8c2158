import { SluiceError } from '../../src/core/errors.ts'
import type { TransformFactory } from '../../src/core/ports.ts'
import { idOf } from './ends.ts'

/** What stands in a message's way: nothing, a failure that may pass, one that never will, or a wait. */
type Answer = 'pass' | 'again' | 'never' | Promise<void>

/**
 * A transform a test decides in: `- use: obstacle`. `attempt` counts from 1 for each message. What a bare Benthos stream
 * test does by holding back or refusing an acknowledgement, a bridge can only meet inside: here, or at its target.
 */
export function obstacle(decide: (id: string, attempt: number) => Answer): TransformFactory {
  const attempts = new Map<string, number>()
  return {
    name: 'obstacle',
    schema: { type: 'object', additionalProperties: false },
    create: () => message => {
      const id = idOf(message.bytes, new Map())
      const attempt = (attempts.get(id) ?? 0) + 1
      attempts.set(id, attempt)
      const answer = decide(id, attempt)
      if (answer === 'again') throw new SluiceError('TRANSFORM_AGAIN', `${id} is refused in attempt ${attempt}`)
      if (answer === 'never') throw new SluiceError('TRANSFORM_FAILED', `${id} is poison`)
      return answer === 'pass' ? message : answer.then(() => message)
    },
  }
}

/** YAML of a route that has the obstacle in it. */
export const WITH_OBSTACLE = `
    transform: [{ use: obstacle, timeout: 1h }]
`
