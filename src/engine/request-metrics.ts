import type { Counter, Histogram } from 'prom-client'

/**
 * How a request ended. `answered`: with the responder's answer · `timed-out` `failed`: with an error, because nobody answered
 * in time, or for another reason · `unanswered`: with nothing, for the requester was gone or could not be reached ·
 * `one-way`: it asked for no answer.
 */
export type RequestOutcome = 'answered' | 'timed-out' | 'failed' | 'unanswered' | 'one-way'

export interface RequestStatus {
  /** Sent, and neither answered nor given up. */
  readonly pending: number
  readonly answered: number
  readonly timedOut: number
  readonly failed: number
  readonly unanswered: number
  readonly oneWay: number
  /** Answers that came after the time-out, or twice; dropped. */
  readonly late: number
}

interface Series {
  readonly requests: Counter<'route' | 'outcome'>
  readonly late: Counter<'route'>
  readonly seconds: Histogram<'route'>
}

/** The metrics of one route's requests. Plain numbers until somebody asks (see RouteMetrics). */
export class RequestMetrics {
  readonly #series: Series
  readonly #route: string
  readonly #ended: Record<RequestOutcome, number> = {
    answered: 0,
    'timed-out': 0,
    failed: 0,
    unanswered: 0,
    'one-way': 0,
  }
  readonly #told: Record<RequestOutcome, number> = { ...this.#ended }
  #late = 0
  #lateTold = 0

  constructor(series: Series, route: string) {
    this.#series = series
    this.#route = route
  }

  ended(outcome: RequestOutcome): void {
    this.#ended[outcome]++
  }

  /** An answer arrived so many seconds after its request was handed to the publisher. */
  replied(seconds: number): void {
    this.#series.seconds.labels(this.#route).observe(seconds)
  }

  late(): void {
    this.#late++
  }

  status(pending = 0): RequestStatus {
    const { answered, failed, unanswered, 'timed-out': timedOut, 'one-way': oneWay } = this.#ended
    return { pending, answered, timedOut, failed, unanswered, oneWay, late: this.#late }
  }

  /** Brings Prometheus' counters up to date. */
  tell(): void {
    const { requests, late } = this.#series
    for (const outcome of Object.keys(this.#ended) as RequestOutcome[]) {
      requests.labels(this.#route, outcome).inc(this.#ended[outcome] - this.#told[outcome])
      this.#told[outcome] = this.#ended[outcome]
    }
    late.labels(this.#route).inc(this.#late - this.#lateTold)
    this.#lateTold = this.#late
  }
}
