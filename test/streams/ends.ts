/** A message as a test hands it to a broker. */
export interface Outgoing {
  readonly id: string
  /** RabbitMQ has no keys: there it travels as the header `key`. */
  readonly key: string | null
  readonly body: Buffer | null
  readonly headers?: Readonly<Record<string, string>>
}

/** A message as an independent client read it from the target, in the order of arrival. */
export interface Arrived {
  /** From the body, where that is JSON with an `id`; else from the header `id`. */
  readonly id: string
  /** Of the header `key` or of the Kafka record. */
  readonly key: string | null
  readonly body: Buffer | null
  /** Header values as text. */
  readonly headers: ReadonlyMap<string, string>
  /** performance.now() of the reading. */
  readonly at: number
  /** Where it stood: a Kafka partition, or 0. */
  readonly partition: number
}

/** Where a route takes from. Talks to the broker by its own client, never by ours. */
export interface SourceEnd extends AsyncDisposable {
  /** The connection in routes.yaml. */
  readonly connection: object
  /** `from:` without `connection`. */
  readonly from: object
  /** Resolves when the broker has confirmed every message, stored in this order. */
  send(messages: readonly Outgoing[]): Promise<void>
  /** Messages waiting in the source, those not counted that a gateway holds. Exact once no gateway consumes. */
  left(): Promise<number>
}

/** Where a route puts to. */
export interface TargetEnd extends AsyncDisposable {
  readonly connection: object
  /** `to:` without `connection`. */
  readonly to: object
  /** Everything read so far. */
  readonly arrived: readonly Arrived[]
  /** Reads what is there to the very last message; only meaningful once nothing publishes any more. */
  drain(): Promise<readonly Arrived[]>
}

/** Longest wait for anything in the stream suite, in ms: the machine may be busy. */
export const PATIENCE = 180_000

/** Resolves when `met` holds; throws what it was waiting for. */
export async function until(
  what: string | (() => string),
  met: () => boolean | Promise<boolean>,
  ms = PATIENCE,
): Promise<void> {
  const end = performance.now() + ms
  while (!(await met())) {
    if (performance.now() > end)
      throw new Error(`waited ${ms / 1000} s in vain until ${typeof what === 'string' ? what : what()}`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/**
 * Resolves when `there` holds and the source owes nothing: where messages may come twice, the last to come may be a copy. It must
 * hold for three looks in a row, for what is on its way from a broker to a gateway is waiting in neither.
 */
export async function carried(source: SourceEnd, what: string | (() => string), there: () => boolean): Promise<void> {
  let looks = 0
  await until(what, async () => {
    looks = there() && (await source.left()) === 0 ? looks + 1 : 0
    if (looks > 0) await new Promise(resolve => setTimeout(resolve, 100))
    return looks === 3
  })
}

export function idOf(body: Buffer | null, headers: ReadonlyMap<string, string>): string {
  const named = headers.get('id')
  if (named !== undefined || body === null) return named ?? 'null'
  try {
    return String((JSON.parse(body.toString()) as { id?: unknown }).id)
  } catch {
    return `not JSON: ${body.toString('latin1', 0, 40)}`
  }
}
