import type { SluiceError } from '../core/errors.ts'

/** Something that went wrong on a route. Never holds a message's values. */
export interface RecentError {
  /** ISO 8601. */
  readonly at: string
  /** The part of the route or the stage of the line. */
  readonly where: string
  readonly code: string
  readonly message: string
  readonly hint: string
  /** How often in a row. */
  readonly count: number
}

/** So many are kept. */
const MOST = 20

/** The last errors of a route, newest first: what an operator wants to see without reading a log. */
export class RecentErrors {
  readonly #errors: RecentError[] = []

  add(where: string, { code, message, hint }: SluiceError): void {
    const at = new Date().toISOString()
    const last = this.#errors[0]
    if (last?.where === where && last.code === code && last.message === message) {
      this.#errors[0] = { ...last, at, count: last.count + 1 }
      return
    }
    this.#errors.unshift({ at, where, code, message, hint, count: 1 })
    if (this.#errors.length > MOST) this.#errors.pop()
  }

  get list(): readonly RecentError[] {
    return [...this.#errors]
  }
}
