/**
 * Lets time pass without waiting: shifts what Date.now and performance.now say in this process until it is disposed of.
 * Timers keep their own time, and what they wake looks at the shifted clocks. One at a time.
 */
export class ShiftedClock implements Disposable {
  readonly #date = Date.now
  readonly #performance = performance.now
  #shift = 0

  constructor() {
    const wall = this.#date
    const monotonic = this.#performance.bind(performance)
    Date.now = () => wall() + this.#shift
    performance.now = () => monotonic() + this.#shift
  }

  advance(ms: number): void {
    this.#shift += ms
  }

  [Symbol.dispose](): void {
    Date.now = this.#date
    performance.now = this.#performance
  }
}
