import { createPaint, type Paint, wantsColours } from '../../src/cli/paint.ts'
import { numeral } from './options.ts'

export interface Progress {
  readonly published: number
  readonly wanted: number
  readonly delivered: number
  /** Delivered per second, now. */
  readonly rate: number
  readonly lag: number
  /** What is broken at the moment. */
  readonly breaking: string | undefined
}

export type Mark = 'good' | 'bad' | 'note'

interface Output {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const REDRAW_MS = 100
const PLAIN_MS = 3_000
const BAR = 16

/** What the demo shows: lines that stay, and on a terminal one line below them that is alive; else a line now and then. */
export class Screen implements Disposable {
  readonly paint: Paint
  readonly #out: Output
  readonly #started = performance.now()
  #live: (() => string) | undefined
  #plain: (() => string) | undefined
  #shown = ''
  readonly #timer: NodeJS.Timeout

  constructor(out: Output = process.stdout, env: Readonly<Record<string, string | undefined>> = process.env) {
    this.#out = out
    this.paint = createPaint(wantsColours(out, env))
    this.#timer = setInterval(() => this.#tick(), this.#terminal ? REDRAW_MS : PLAIN_MS)
    this.#timer.unref()
  }

  get #terminal(): boolean {
    return this.#out.isTTY === true
  }

  /** Seconds since the demo began. */
  get seconds(): number {
    return (performance.now() - this.#started) / 1000
  }

  /** A line that stays. */
  line(text = ''): void {
    this.#wipe()
    this.#out.write(`${text}\n`)
    this.#tick(true)
  }

  /** Something that happened, with its time. */
  event(mark: Mark, text: string): void {
    const { green, red, cyan, dim } = this.paint
    const sign = { good: green('✔'), bad: red('✖'), note: cyan('·') }[mark]
    this.line(`${dim(`${this.seconds.toFixed(1).padStart(5)} s`)}  ${sign} ${text}`)
  }

  /** Something that takes a while; it is shown until the next call of waiting, progress or rest. */
  waiting(text: string): void {
    this.#plain = undefined
    this.#live = () => `${this.#clock()}  ${text} ...`
    if (this.#terminal) this.#draw()
    else this.#out.write(`${this.#live()}\n`)
  }

  /** Shows how far it is until rest() is called. */
  progress(read: () => Progress): void {
    this.#live = () => this.#progressLine(read())
    this.#plain = () => plainLine(this.seconds, read())
  }

  rest(): void {
    this.#wipe()
    this.#live = undefined
    this.#plain = undefined
  }

  [Symbol.dispose](): void {
    this.rest()
    clearInterval(this.#timer)
  }

  #tick(terminalOnly = false): void {
    if (this.#terminal) this.#draw()
    else if (this.#plain !== undefined && !terminalOnly) this.#out.write(`${this.#plain()}\n`)
  }

  #draw(): void {
    if (this.#live === undefined) return
    const text = clip(this.#live(), (this.#out.columns ?? 80) - 1)
    if (text === this.#shown) return
    // The cursor stays at the beginning: what another program writes then covers the line instead of continuing it.
    this.#out.write(`\x1b[2K${text}\r`)
    this.#shown = text
  }

  #wipe(): void {
    if (this.#shown !== '') this.#out.write('\x1b[2K\r')
    this.#shown = ''
  }

  #clock(): string {
    return this.paint.dim(`${this.seconds.toFixed(1).padStart(5)} s`)
  }

  // 79 columns with 50,000 orders: 7 + 2 + 16 + 54.
  #progressLine({ published, wanted, delivered, rate, lag, breaking }: Progress): string {
    const { bold, red, cyan, dim } = this.paint
    const slot = breaking === undefined ? cyan(bar(delivered / wanted)) : red(breaking.padEnd(BAR).slice(0, BAR))
    const width = numeral(wanted).length
    const number = (value: number, size = width) => bold(numeral(value).padStart(size))
    const counts = [
      `${dim('published')} ${number(published)}`,
      `${dim('delivered')} ${number(delivered)}`,
      `${number(rate, 6)}${dim('/s')}`,
      `${dim('lag')} ${number(lag, 6)}`,
    ]
    return `${this.#clock()} ${slot} ${counts.join(' ')}`
  }
}

/** One line of the log that the demo is where nobody watches. */
export function plainLine(seconds: number, progress: Progress): string {
  const { published, delivered, rate, lag, breaking } = progress
  const counts = `published ${numeral(published)}, delivered ${numeral(delivered)}, ${numeral(rate)}/s, lag ${numeral(lag)}`
  return `${seconds.toFixed(1).padStart(5)} s    ${counts}${breaking === undefined ? '' : ` (${breaking})`}`
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A bar of 16 columns for a share from 0 to 1. */
export function bar(share: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * BAR * 8)
  return `${'█'.repeat(Math.floor(eighths / 8))}${EIGHTHS[eighths % 8]}`.padEnd(BAR, '·')
}

/** The first `columns` columns of a line, whose colours take none. */
export function clip(text: string, columns: number): string {
  let left = Math.max(0, columns)
  let coloured = false
  const kept = text.split(/(\x1b\[[0-9;]*m)/).map((part, index) => {
    if (index % 2 === 1) {
      coloured = true
      return part
    }
    const shown = [...part].slice(0, left).join('')
    left -= [...shown].length
    return shown
  })
  return `${kept.join('')}${coloured && left === 0 ? '\x1b[0m' : ''}`
}
