// Shorter values and these words occur everywhere; hiding them would hide the message and protect nothing.
const LEAST_LENGTH = 4
const NOT_SECRET = /^(true|false|null|none|[0-9]{1,5})$/i

const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@'"`]*):[^\s/'"`]*@/gi
const KEYED = /((?:password|passphrase|secret|token)["']?\s*:\s*)(?!["']?\$\{)("[^"]*"|'[^']*'|[^\s,}]+)/gi
const MASK = '***'

/**
 * The values of a configuration that must never be shown: what came from the environment or a file, passwords in urls,
 * options whose schema says x-secret. Filled while a configuration is loaded, read by everything that writes text.
 */
export class Secrets {
  readonly #values = new Set<string>()
  #pattern: RegExp | undefined

  add(value: unknown): void {
    if (typeof value !== 'string' || value.length < LEAST_LENGTH || NOT_SECRET.test(value)) return
    this.#values.add(value)
    // As it looks inside a url and inside JSON.
    this.#values.add(encodeURIComponent(value))
    this.#values.add(JSON.stringify(value).slice(1, -1))
    for (const line of value.split('\n')) if (line.length >= 16) this.#values.add(line)
    this.#pattern = undefined
  }

  /** The value of an option whose schema says x-secret: of a url only its secret parts. */
  addOption(value: unknown): void {
    if (typeof value === 'string' && value.includes('://')) this.addUrl(value)
    else if (typeof value === 'object' && value !== null)
      for (const inner of Object.values(value)) this.addOption(inner)
    // The path of a key file is no secret, and messages about it have to name it.
    else if (typeof value !== 'string' || !/^[\w./-]+\.(key|pem|crt|p12)$/.test(value)) this.add(value)
  }

  /** The password and the query of a url; not its host, which a message has to name. */
  addUrl(text: string): void {
    const match = /^[a-z][a-z0-9+.-]*:\/\/(?:([^/@:]*):([^/]*)@)?[^?]*(?:\?(.*))?$/is.exec(text)
    const [, user, password, query] = match ?? []
    // `guest:guest` hides nothing, and hiding the user would take the point out of "guest was refused".
    if (password !== undefined && password !== user) {
      this.add(password)
      try {
        this.add(decodeURIComponent(password))
      } catch {
        // Not percent-encoded: the raw form is enough.
      }
    }
    for (const pair of query?.split('&') ?? [])
      if (/pass|secret|token|key/i.test(pair)) this.add(pair.slice(pair.indexOf('=') + 1))
  }

  addAll(other: Secrets): void {
    for (const value of other.#values) this.#values.add(value)
    this.#pattern = undefined
  }

  /** The text with every secret replaced by `***`. Passwords in urls are replaced even when nobody has added them. */
  redact(text: string): string {
    if (this.#values.size > 0) {
      // Longest first: a secret that contains another must go as a whole.
      this.#pattern ??= new RegExp(
        [...this.#values]
          .toSorted((a, b) => b.length - a.length)
          .map(quote)
          .join('|'),
        'g',
      )
      text = text.replace(this.#pattern, MASK)
    }
    return text.replace(URL_PASSWORD, (whole, head: string) => (whole.includes('${') ? whole : `${head}:${MASK}@`))
  }

  /** For a line of a configuration file: also hides what stands behind `password:` and the like. */
  redactLine(line: string): string {
    return this.redact(line).replace(KEYED, `$1${MASK}`)
  }
}

function quote(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}
