import { createHash, timingSafeEqual } from 'node:crypto'
import type { AdminConfig } from '../config/admin-schema.ts'
import { isLoopback } from '../config/loopback.ts'
import { Refusal } from './refusal.ts'

export type Access = 'read' | 'write'
export type AccessConfig = Pick<Exclude<AdminConfig, false>, 'host' | 'token' | 'readToken'>

/** What a request shows of where it comes from; headers that are absent are undefined. */
export interface Caller {
  readonly host: string | undefined
  readonly authorization: string | undefined
  /** Sec-Fetch-Site, which browsers set and pages cannot. */
  readonly site: string | undefined
}

/**
 * Who may do what. Writing always takes `token`; reading takes a token as soon as one is configured. On loopback the Host
 * header must name this machine, or a page of the web whose name points here (DNS rebinding) could read what is here.
 */
export class AccessControl {
  readonly #loopback: boolean
  readonly #host: string
  readonly #token: Buffer | undefined
  readonly #readToken: Buffer | undefined

  constructor({ host, token, readToken }: AccessConfig) {
    this.#loopback = isLoopback(host)
    this.#host = host.toLowerCase()
    this.#token = token === undefined ? undefined : digest(token)
    this.#readToken = readToken === undefined ? undefined : digest(readToken)
  }

  /** What a caller without a token may do, and whether a token helps: for the page. */
  get open(): { readonly read: boolean; readonly write: boolean } {
    return { read: this.#token === undefined && this.#readToken === undefined, write: this.#token !== undefined }
  }

  /** Throws HOST_REFUSED, CROSS_SITE. */
  origin({ host, site }: Caller): void {
    const name = /^(\[[^\]]*\]|[^:]*)(:\d+)?$/.exec(host ?? '')?.[1]?.toLowerCase()
    if (this.#loopback && (name === undefined || !(isLoopback(name) || name === this.#host)))
      throw new Refusal('HOST_REFUSED', 'the Host header names another machine')
    if (site === 'cross-site' || site === 'same-site')
      throw new Refusal('CROSS_SITE', 'another site asks for this in your browser')
  }

  /** Throws UNAUTHORIZED, READ_ONLY, WRITES_OFF. */
  check(access: Access, { authorization }: Caller): void {
    const presented = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
    const given = presented === undefined ? undefined : digest(presented)
    // Both are compared, whatever the first says: the time tells nothing.
    const whole = same(given, this.#token)
    const reads = same(given, this.#readToken)
    if (access === 'write') {
      if (this.#token === undefined) throw new Refusal('WRITES_OFF', 'no `admin.token` is configured')
      if (whole) return
      if (reads) throw new Refusal('READ_ONLY', 'a read-only token cannot change anything')
      throw unauthorized(presented)
    }
    if (this.open.read || whole || reads) return
    throw unauthorized(presented)
  }
}

const unauthorized = (presented: string | undefined) =>
  new Refusal('UNAUTHORIZED', presented === undefined ? 'there is no bearer token' : 'the token is not the right one')

// Of equal length, as timingSafeEqual wants it, whatever was presented.
const digest = (token: string): Buffer => createHash('sha256').update(token).digest()

const same = (a: Buffer | undefined, b: Buffer | undefined): boolean =>
  a !== undefined && b !== undefined && timingSafeEqual(a, b)
