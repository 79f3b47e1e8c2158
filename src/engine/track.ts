import type { RouteConfig } from '../config/schema.ts'
import type { Line } from './line.ts'
import type { Nudge } from './nudge.ts'
import type { RateLimit } from './rate.ts'

/** Where deliveries go, and how fast. */
export interface Way {
  readonly config: RouteConfig
  readonly line: Line
  readonly rate: RateLimit | undefined
}

/** The way of a route's deliveries, whatever session of the source they come from. It can be switched while they come. */
export class Track {
  readonly #nudge: Nudge
  #way: Way
  #held = false

  constructor(way: Way, nudge: Nudge) {
    this.#way = way
    this.#nudge = nudge
  }

  get way(): Way {
    return this.#way
  }

  /** What the source delivers waits before the line, and nothing more is taken from it. */
  get held(): boolean {
    return this.#held
  }

  hold(): void {
    this.#held = true
  }

  /** Ends the holding; what waits goes on, on another way where one is given. */
  go(way: Way = this.#way): void {
    this.#way = way
    this.#held = false
    this.#nudge.nudge()
  }
}
