import { SluiceError } from '../core/errors.ts'
import { compileTemplate } from '../core/expression.ts'
import type { Message } from '../core/message.ts'

/** What a function makes of the values of a window, in the order they came. */
interface Aggregate {
  /** What it is for, in one sentence. */
  readonly description: string
  /** Throws when the value is not one it can take. */
  accept(value: unknown): boolean
  /** What it takes, for the error. */
  readonly takes: string
  fold(values: readonly unknown[]): unknown
}

const isNumber = (value: unknown): value is number | bigint =>
  typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value))
const numeric = { accept: (value: unknown) => value === null || isNumber(value), takes: 'a number or null' }
const anything = { accept: () => true, takes: 'anything' }
const numbers = (values: readonly unknown[]): readonly (number | bigint)[] => values.filter(isNumber)

/** The functions of `aggregate`, by name. A null is no value: `sum`, `min`, `max` and `avg` pass over it. */
export const AGGREGATES = {
  count: {
    description: 'How many messages; with an expression, those for which it is true.',
    accept: (value: unknown) => typeof value === 'boolean',
    takes: 'true or false',
    fold: values => values.filter(value => value === true).length,
  },
  sum: {
    description: 'The sum of the values; 0 where there is none.',
    ...numeric,
    fold: values => sum(numbers(values)),
  },
  min: {
    description: 'The least value; null where there is none.',
    ...numeric,
    fold: values => least(numbers(values), -1),
  },
  max: {
    description: 'The greatest value; null where there is none.',
    ...numeric,
    fold: values => least(numbers(values), 1),
  },
  avg: {
    description: 'The mean of the values; null where there is none.',
    ...numeric,
    fold: values => mean(numbers(values)),
  },
  first: { description: 'The value of the first message.', ...anything, fold: values => values[0] ?? null },
  last: { description: 'The value of the last message.', ...anything, fold: values => values.at(-1) ?? null },
} as const satisfies Readonly<Record<string, Aggregate>>

export type AggregateName = keyof typeof AGGREGATES
export type Templates = string | number | boolean | Readonly<Record<string, string | number | boolean>>

/** One value of the result: a function over an expression. */
interface Column {
  readonly name: AggregateName
  /** Its name below the function's, where that has several. */
  readonly inner: string | undefined
  read(message: Message): unknown
}

/** The compiled `aggregate` of a window. Throws OPTIONS_INVALID. */
export class Aggregation {
  readonly #columns: readonly Column[]

  constructor(given: Readonly<Partial<Record<AggregateName, Templates>>>) {
    this.#columns = Object.entries(given).flatMap(([name, templates]) =>
      typeof templates === 'object'
        ? Object.entries(templates).map(([inner, template]) => column(name as AggregateName, inner, template))
        : [column(name as AggregateName, undefined, templates)],
    )
  }

  /** What the result needs of one message. Throws EXPRESSION_FAILED, BODY_INVALID. */
  read(message: Message): readonly unknown[] {
    return this.#columns.map(each => each.read(message))
  }

  /** The result for at least one message; `rows` are what `read` gave, in order. In the shape of the configuration. */
  fold(rows: readonly (readonly unknown[])[]): Record<string, unknown> {
    const result: Record<string, unknown> = {}
    this.#columns.forEach(({ name, inner }, at) => {
      const value = AGGREGATES[name].fold(rows.map(row => row[at]))
      if (inner === undefined) result[name] = value
      else result[name] = { ...(result[name] as object | undefined), [inner]: value }
    })
    return result
  }
}

function column(name: AggregateName, inner: string | undefined, template: string | number | boolean): Column {
  // What YAML read as a number or as true is that, not a text.
  const expression = typeof template === 'string' ? compileTemplate(template) : undefined
  const { accept, takes } = AGGREGATES[name] as Aggregate
  return {
    name,
    inner,
    read(message) {
      const value = expression === undefined ? template : (expression.evaluate(message) ?? null)
      if (accept(value)) return value
      throw new SluiceError(
        'EXPRESSION_FAILED',
        `window: ${name} of ${expression?.source ?? String(template)} needs ${takes}, not ${kindOf(value)}`,
      )
    },
  }
}

// Whole numbers stay exact, however large.
function sum(values: readonly (number | bigint)[]): number | bigint {
  let total = 0
  let whole = true
  for (const value of values) {
    total += Number(value)
    whole &&= typeof value === 'bigint' || Number.isInteger(value)
  }
  if (!whole || (Number.isSafeInteger(total) && values.every(value => typeof value === 'number'))) return total
  return narrow(values.reduce((all: bigint, value) => all + BigInt(value), 0n))
}

function least(values: readonly (number | bigint)[], sign: 1 | -1): number | bigint | null {
  let best: number | bigint | null = null
  for (const value of values) if (best === null || (sign < 0 ? value < best : value > best)) best = value
  return best
}

const mean = (values: readonly (number | bigint)[]): number | null =>
  values.length === 0 ? null : Number(sum(values)) / values.length

const narrow = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'a map or bytes' : `a ${typeof value}`
}
