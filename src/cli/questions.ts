import { createInterface, type Interface } from 'node:readline/promises'
import { SluiceError } from '../core/errors.ts'

interface Streams {
  readonly input: NodeJS.ReadableStream
  readonly output: NodeJS.WritableStream
}

/** Asks a person, or takes the defaults where nobody is there to answer. Answers that cannot be are asked for again. */
export class Questions implements Disposable {
  readonly #lines: Interface | undefined
  readonly #output: NodeJS.WritableStream
  readonly #ended = new AbortController()

  constructor(interactive: boolean, { input, output }: Streams = { input: process.stdin, output: process.stderr }) {
    this.#output = output
    if (!interactive) return
    this.#lines = createInterface({ input, output })
    this.#lines.on('close', () => this.#ended.abort())
  }

  /** An empty answer is the default. */
  async text(question: string, byDefault: string): Promise<string> {
    const answer = await this.#ask(`${question} [${byDefault}] `)
    return answer === '' ? byDefault : answer
  }

  /** By number or name. Throws `missing` where nobody answers: there is no default that could be meant. */
  async choose<T extends string>(
    question: string,
    choices: readonly (readonly [T, string])[],
    missing: SluiceError,
  ): Promise<T> {
    if (this.#lines === undefined) throw missing
    this.#output.write(
      `${question}\n${choices.map(([name, title], at) => `  ${at + 1}  ${name.padEnd(10)} ${title}\n`).join('')}`,
    )
    for (;;) {
      const answer = (await this.#ask('Number or name: ')).toLowerCase()
      const found = choices.find(([name], at) => name === answer || String(at + 1) === answer)
      if (found !== undefined) return found[0]
    }
  }

  async #ask(text: string): Promise<string> {
    if (this.#lines === undefined) return ''
    try {
      return (await this.#lines.question(text, { signal: this.#ended.signal })).trim()
    } catch (error) {
      throw new SluiceError('OPTIONS_INVALID', 'the questions were not answered, so nothing was written', {
        cause: error,
        hint: 'Answer them, or give --from and --to.',
      })
    }
  }

  [Symbol.dispose](): void {
    this.#lines?.close()
  }
}
