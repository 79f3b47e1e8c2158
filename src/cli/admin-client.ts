import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import type { ProblemDetails } from '../admin/refusal.ts'
import { reason } from '../config/load.ts'
import { describe, SluiceError } from '../core/errors.ts'
import { parseUrl } from './options.ts'
import type { Terminal } from './terminal.ts'

export interface AdminOptions {
  readonly url?: string
  readonly tokenFile?: string
}

/** What a gateway answered. */
export interface AdminAnswer {
  /** Of the gateway. */
  readonly url: string
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** Longest wait for an answer, in ms: a change drains routes first. */
const WAIT = 300_000
const DEFAULT_URL = 'http://127.0.0.1:8085'

/** The options of every command that talks to a running gateway. */
export function withAdmin(command: Command): Command {
  return command
    .option('--url <url>', `admin address of the gateway (default: $SLUICE_ADMIN_URL, else ${DEFAULT_URL})`, parseUrl)
    .option('--token-file <file>', 'file with the token (default: $SLUICE_ADMIN_TOKEN)')
}

/** The admin API of a running gateway. Throws CONNECT_FAILED, AUTH_FAILED, OPTIONS_INVALID, UNAVAILABLE. */
export class AdminClient {
  readonly url: string
  readonly #token: string | undefined

  constructor(options: AdminOptions, terminal: Terminal) {
    this.url = (options.url ?? terminal.env['SLUICE_ADMIN_URL'] ?? DEFAULT_URL).replace(/\/+$/, '')
    if (!URL.canParse(this.url)) throw new SluiceError('OPTIONS_INVALID', `"${this.url}" is not a url`)
    this.#token = tokenOf(options, terminal)
    terminal.secrets.add(this.#token)
  }

  /** The events of a stream until the gateway ends it or the signal aborts. */
  async *events(path: string, signal: AbortSignal): AsyncGenerator<{ event: string; data: unknown }> {
    let text = ''
    try {
      const response = await this.#ask(path, signal)
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
        text += chunk
        const blocks = text.split('\n\n')
        text = blocks.pop()!
        for (const block of blocks) {
          const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? []
          if (event !== undefined && data !== undefined) yield { event, data: JSON.parse(data) as unknown }
        }
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof SluiceError) throw error
      throw new SluiceError('CONNECTION_LOST', `the gateway at ${this.url} has gone: ${describe(error)}`, {
        cause: error,
        hint: 'Look whether it still runs.',
      })
    }
  }

  /** Sends a request; an answer that is no success is an answer, too. */
  async post(path: string, headers: Readonly<Record<string, string>> = {}): Promise<AdminAnswer> {
    const response = await this.#fetch(path, { method: 'POST', headers, signal: AbortSignal.timeout(WAIT) })
    return { url: this.url, status: response.status, body: parsed(await response.text()) }
  }

  async #ask(path: string, signal: AbortSignal): Promise<Response> {
    const response = await this.#fetch(path, { signal })
    if (response.ok) return response
    throw refused(response.status, (await response.json().catch(() => ({}))) as Partial<ProblemDetails>)
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const authorization: Record<string, string> =
      this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }
    try {
      return await fetch(`${this.url}${path}`, {
        ...init,
        headers: { ...authorization, ...(init.headers as Record<string, string>) },
        redirect: 'error',
      })
    } catch (error) {
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
      throw new SluiceError('CONNECT_FAILED', `no gateway answers at ${this.url}: ${describe(cause)}`, {
        cause: error,
        hint: 'Start it by `sluice run`, or give its address by --url (admin.host and admin.port).',
      })
    }
  }
}

function refused(status: number, { detail = `status ${status}`, hint }: Partial<ProblemDetails>): SluiceError {
  if (status === 401 || status === 403)
    return new SluiceError('AUTH_FAILED', `the gateway refuses: ${detail}`, {
      hint: 'Put admin.token or admin.readToken into SLUICE_ADMIN_TOKEN, or name a file by --token-file.',
    })
  const code = status < 500 && status !== 429 ? 'OPTIONS_INVALID' : 'UNAVAILABLE'
  return new SluiceError(code, `the gateway refuses: ${detail}`, hint === undefined ? {} : { hint })
}

// Not an option of its own: who lists processes would see it.
function tokenOf({ tokenFile }: AdminOptions, terminal: Terminal): string | undefined {
  if (tokenFile === undefined) return terminal.env['SLUICE_ADMIN_TOKEN'] || undefined
  try {
    return readFileSync(tokenFile, 'utf8').trim()
  } catch (error) {
    throw new SluiceError('OPTIONS_INVALID', `the token file ${tokenFile} cannot be read: ${reason(error)}`)
  }
}

// Something else than a gateway may answer there, in any form.
function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body === 'object' && body !== null) return body as Readonly<Record<string, unknown>>
  } catch {
    // Said below.
  }
  return { detail: text.trim().slice(0, 200) }
}
