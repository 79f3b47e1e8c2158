import { SluiceError } from '../../core/errors.ts'
import { compileTemplate, type Expression } from '../../core/expression.ts'
import { textOf } from '../../core/json-text.ts'
import type { Message, Properties } from '../../core/message.ts'
import { milliseconds } from '../../core/schema.ts'
import type { SinkOptions } from './sink-options.ts'

type Writable = { -readonly [K in keyof Properties]: Properties[K] }
type Rule = (properties: Writable, value: unknown) => void

const PERSISTENT = 2
const TRANSIENT = 1
const MOST_EXPIRATION = 2 ** 32 - 1
const NEW: Properties = Object.freeze({ deliveryMode: PERSISTENT })

/**
 * The AMQP properties of a publication: what the message brought, what the sink's templates say, and persistent where
 * neither says how. Checks what the broker would answer by closing the channel.
 */
export class PropertyRules {
  readonly #rules: readonly (readonly [Expression, Rule])[]
  readonly #setsUserId: boolean
  readonly #vouchesFor: (userId: string) => boolean

  /** @param vouchesFor whether the broker would believe that a message is from this user */
  constructor(options: SinkOptions, vouchesFor: (userId: string) => boolean) {
    this.#setsUserId = options.properties?.userId !== undefined
    this.#vouchesFor = vouchesFor
    const rules: [Expression, Rule][] = []
    const add = (value: unknown, rule: Rule) => {
      if (value !== undefined) rules.push([compileTemplate(String(value)), rule])
    }
    for (const [name, value] of Object.entries(options.properties ?? {}))
      add(value, name === 'timestamp' ? setTimestamp : setText(name as 'type'))
    add(options.priority, setPriority)
    add(options.expiration, setExpiration)
    add(options.persistent, (properties, flag) => {
      properties.deliveryMode = flag === true || flag === 'true' ? PERSISTENT : TRANSIENT
    })
    this.#rules = rules
  }

  /** The message's user id, when it cannot be the property and the sink sets no other. */
  foreignUserId({ properties: { userId } }: Message): string | undefined {
    return userId === undefined || this.#setsUserId || this.#vouchesFor(userId) ? undefined : userId
  }

  /** Throws MESSAGE_REFUSED, EXPRESSION_FAILED. */
  apply(message: Message): Properties {
    const brought = this.foreignUserId(message) === undefined ? message.properties : withoutUserId(message.properties)
    if (this.#rules.length === 0) {
      check(brought)
      if (brought.deliveryMode !== undefined) return brought
      return isEmpty(brought) ? NEW : { ...brought, deliveryMode: PERSISTENT }
    }
    const properties: Writable = { deliveryMode: PERSISTENT, ...brought }
    for (const [expression, rule] of this.#rules) rule(properties, expression.evaluate(message))
    check(properties)
    return properties
  }
}

function withoutUserId({ userId: _, ...others }: Properties): Properties {
  return others
}

function isEmpty(properties: Properties): boolean {
  for (const _ in properties) return false
  return true
}

function setText(name: 'type'): Rule {
  return (properties, value) => {
    const text = textOf(value)
    if (text === undefined) delete properties[name]
    else properties[name] = text
  }
}

function setPriority(properties: Writable, value: unknown): void {
  if (value === null || value === undefined) return
  const priority = Number(value)
  if (!Number.isInteger(priority) || priority < 0 || priority > 255)
    throw refused(`priority ${String(value)} is not an integer from 0 to 255`)
  properties.priority = priority
}

function setExpiration(properties: Writable, value: unknown): void {
  if (value === null || value === undefined) return
  const text = String(value)
  properties.expiration = /^[0-9]+$/.test(text) ? text : String(duration(text))
}

function duration(text: string): number {
  try {
    return Math.round(milliseconds(text))
  } catch {
    throw refused(`expiration "${text}" is neither a duration nor a number of milliseconds`)
  }
}

function setTimestamp(properties: Writable, value: unknown): void {
  if (value === null || value === undefined) return
  const seconds = typeof value === 'bigint' ? value : Math.floor(Number(value))
  if (typeof seconds === 'number' && !(seconds >= 0 && Number.isSafeInteger(seconds)))
    throw refused(`timestamp ${String(value)} is not a number of seconds`)
  properties.timestamp = BigInt(seconds)
}

// RabbitMQ closes the whole channel over these.
function check({ expiration, deliveryMode }: Properties): void {
  if (expiration !== undefined && (!/^[0-9]{1,10}$/.test(expiration) || Number(expiration) > MOST_EXPIRATION))
    throw refused(`expiration "${expiration}" is not a number of milliseconds from 0 to ${MOST_EXPIRATION}`)
  if (deliveryMode !== undefined && deliveryMode !== TRANSIENT && deliveryMode !== PERSISTENT)
    throw refused(`delivery mode ${deliveryMode} is neither 1 nor 2`)
}

function refused(what: string): SluiceError {
  return new SluiceError('MESSAGE_REFUSED', what)
}
