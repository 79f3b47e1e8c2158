import type { Terminal } from './terminal.ts'

const ENTER = '\x1b[?1049h\x1b[?25l'
const LEAVE = '\x1b[?25h\x1b[?1049l'
const TOP = '\x1b[H'
const REST_OF_LINE = '\x1b[K'
const REST_OF_SCREEN = '\x1b[J'
const CTRL_C = '\x03'

/** The whole terminal, drawn anew each time; what was there before is back when it is disposed of. */
export class Screen implements Disposable {
  readonly #terminal: Terminal
  readonly #quit = new AbortController()
  readonly #key = (keys: Buffer | string) => {
    if (/^[qQ]/.test(String(keys)) || String(keys) === CTRL_C) this.#quit.abort()
  }

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    terminal.draw(ENTER)
    if (terminal.input.isTTY !== true) return
    terminal.input.setRawMode?.(true)
    terminal.input.on('data', this.#key)
    terminal.input.resume()
  }

  /** Somebody pressed q or Ctrl-C. */
  get quit(): AbortSignal {
    return this.#quit.signal
  }

  draw(lines: readonly string[]): void {
    const shown = lines.slice(0, this.#terminal.height ?? lines.length)
    this.#terminal.draw(`${TOP}${shown.map(line => `${line}${REST_OF_LINE}`).join('\r\n')}${REST_OF_SCREEN}`)
  }

  [Symbol.dispose](): void {
    const { input } = this.#terminal
    if (input.isTTY === true) {
      input.off('data', this.#key)
      input.setRawMode?.(false)
      input.pause()
    }
    this.#terminal.draw(LEAVE)
  }
}
