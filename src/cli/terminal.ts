import { Secrets } from '../config/secrets.ts'
import { describe, SluiceError } from '../core/errors.ts'
import { createPaint, type Paint, wantsColours } from './paint.ts'

interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

/** The keyboard, where there is one. */
export interface Input {
  readonly isTTY?: boolean
  setRawMode?(raw: boolean): unknown
  on(event: 'data', listener: (keys: Buffer | string) => void): unknown
  off(event: 'data', listener: (keys: Buffer | string) => void): unknown
  resume(): unknown
  pause(): unknown
}

/** Where a command writes: results to standard output, everything else to standard error. Hides secrets in both. */
export class Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  /** For standard output and standard error. */
  readonly paint: Paint
  readonly errorPaint: Paint
  /** Standard error is a terminal: a person watches. */
  readonly interactive: boolean
  /** Filled when a configuration has been read. */
  readonly secrets = new Secrets()
  readonly input: Input
  readonly #out: Output
  readonly #err: Output
  #progress = false

  constructor(
    out: Output = process.stdout,
    err: Output = process.stderr,
    env: Terminal['env'] = process.env,
    input: Input = process.stdin,
  ) {
    this.input = input
    this.#out = out
    this.#err = err
    this.env = env
    this.paint = createPaint(wantsColours(out, env))
    this.errorPaint = createPaint(wantsColours(err, env))
    this.interactive = err.isTTY === true
  }

  /** Columns of standard output; undefined where it is no terminal. */
  get width(): number | undefined {
    return this.#out.isTTY === true ? this.#out.columns : undefined
  }

  /** Rows of standard output; undefined where it is no terminal. */
  get height(): number | undefined {
    return this.#out.isTTY === true ? this.#out.rows : undefined
  }

  print(text: string): void {
    this.#clear()
    this.#out.write(`${this.secrets.redact(text)}\n`)
  }

  /** Control sequences and text for a screen that is drawn as a whole. */
  draw(text: string): void {
    this.#out.write(this.secrets.redact(text))
  }

  /** A result that cannot hold a secret and must not be touched. */
  raw(text: string): void {
    this.#out.write(`${text}\n`)
  }

  note(text: string): void {
    this.#clear()
    this.#err.write(`${this.secrets.redact(text)}\n`)
  }

  /** A finished line of the log. */
  logLine(line: string): void {
    this.#clear()
    this.#err.write(line)
  }

  /** One line that is overwritten by the next; nothing where nobody watches. */
  progress(text: string): void {
    if (!this.interactive) return
    this.#err.write(`\r\x1b[2K${this.secrets.redact(text)}`)
    this.#progress = true
  }

  /** An error in one line, what to do in a second; the stack only for the developer who asks for it. */
  fail(error: unknown, stack = false): void {
    const { red, cyan } = this.errorPaint
    this.note(`${red('error')}: ${describe(error).replace(/\s*\n\s*/g, ' ')}`)
    if (error instanceof SluiceError && error.hint !== '') this.note(`  ${cyan('hint')}: ${error.hint}`)
    if (stack && error instanceof Error && error.stack !== undefined) this.note(error.stack)
  }

  #clear(): void {
    if (!this.#progress) return
    this.#err.write('\r\x1b[2K')
    this.#progress = false
  }
}
