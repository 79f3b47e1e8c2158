/** Something a client has open at a broker. */
export interface Session {
  /** The process behind it is gone, as after SIGKILL: nothing more is sent, nothing more is answered. */
  die(): void
}

/** The process that a driver belongs to, as brokers see it. Killing it leaves the brokers as they are. */
export class Client {
  readonly sessions = new Set<Session>()
  #dead = false

  get dead(): boolean {
    return this.#dead
  }

  kill(): void {
    this.#dead = true
    for (const session of [...this.sessions]) session.die()
    this.sessions.clear()
  }
}
