/** A fresh queue, topic or stream on a real broker for one test. */
export interface TestAddress {
  /** For messages and drop(). */
  readonly name: string
  /** Sink options that write to it. */
  readonly sink: unknown
  /** Source options that read it from the oldest message on; sources with one group share, two groups each get all. */
  source(group: string): unknown
}

/** What the conformance suite needs of a driver beside the driver itself. Lives beside the driver: `testbed.ts`. */
export interface Testbed {
  /** Shown in the test output, with the broker's version: `rabbitmq 4.0`. */
  readonly label: string
  /** True, or a sentence why the broker cannot be had and what to do. */
  available(): Promise<true | string>
  /** Valid connection options. */
  connection(): unknown
  /** Connection options that must fail so: nobody listens · wrong password (undefined where there is none). */
  unreachable(): unknown
  unauthorized?(): unknown
  /** Options that name an address that does not exist and is not created. */
  missing(): { readonly sink: unknown; readonly source: unknown }
  create(): Promise<TestAddress>
  drop(address: TestAddress): Promise<void>
  /** Stops and starts the broker; resolves when it answers again. Only on a broker of one's own. */
  restart?(): Promise<void>
  /** Milliseconds after which the broker redelivers an unacknowledged message by itself, when it does; for the idle case. */
  readonly ackDeadlineMs?: number
}
