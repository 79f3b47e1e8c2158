import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from '../../core/errors.ts'
import type { Log } from '../../core/ports.ts'
import { statePath } from '../../core/state-folder.ts'

const FOLDER = '.sluice/crash-loops'

/** A file beside the configuration that outlives a killed process: what waits in this queue has been out too often. */
export class CrashNote {
  readonly #file: string
  readonly #queue: string
  readonly #log: Log

  constructor(baseDir: string, connection: string, queue: string, log: Log) {
    const name = createHash('sha256')
      .update(JSON.stringify([connection, queue]))
      .digest('hex')
      .slice(0, 16)
    this.#file = join(statePath(baseDir, FOLDER), name)
    this.#queue = queue
    this.#log = log
  }

  get there(): boolean {
    return existsSync(this.#file)
  }

  /** Where it cannot be written, the log says what that means. */
  write(attempt: number): void {
    const about = { queue: this.#queue, deliveries: attempt }
    try {
      mkdirSync(join(this.#file, '..'), { recursive: true })
      writeFileSync(this.#file, `${JSON.stringify(about)}\n`)
      this.#log.warn(about, 'delivered again and again, and never acknowledged: from the next start on, one at a time')
    } catch (error) {
      const reason = describe(error)
      this.#log.warn(
        { ...about, reason },
        'delivered again and again, and never acknowledged; no note of it can be written, so RabbitMQ may drop what is prefetched at the delivery limit of the queue',
      )
    }
  }

  /** One that cannot be removed makes the next session begin carefully, no more. */
  remove(): void {
    try {
      rmSync(this.#file, { force: true })
    } catch (error) {
      this.#log.debug({ queue: this.#queue, reason: describe(error) }, 'the note of a crash loop cannot be removed')
    }
  }
}
