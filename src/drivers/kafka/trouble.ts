import type { SluiceError } from '../../core/errors.ts'
import type { EndpointContext } from '../../core/ports.ts'

const FIRST_BACKOFF = 100
const LONGEST_BACKOFF = 2_000

/** Wait before a batch is sent again that failed so often, ms. */
export function backoffAfter(failures: number): number {
  return Math.min(FIRST_BACKOFF * 2 ** (failures - 1), LONGEST_BACKOFF) * (0.8 + Math.random() * 0.4)
}

/** Says that batches have to be sent again, each time, and once that it is over. */
export class Trouble {
  readonly #context: Pick<EndpointContext, 'status'>
  #seen = false

  constructor(context: Pick<EndpointContext, 'status'>) {
    this.#context = context
  }

  begin(error: SluiceError): void {
    this.#seen = true
    this.#context.status('waiting', error.message)
  }

  end(): void {
    if (!this.#seen) return
    this.#seen = false
    this.#context.status('ok')
  }
}
