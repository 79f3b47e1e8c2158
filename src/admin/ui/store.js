const COLUMNS = ['received', 'settled', 'deadLettered', 'lag', 'inFlight', 'oldestMs', 'p50Ms', 'p99Ms']
const KEPT = 300

/** What is known of the gateway: the last status, and a history that grows with each. */
export const store = {
  status: undefined,
  access: { read: true, write: true },
  everyMs: 1_000,
  history: new Map(),

  take(status) {
    this.status = status
    for (const route of status.routes) {
      const { rates, latency, lag, inFlight, oldestMs } = route
      const points = { ...rates, ...latency, lag, inFlight, oldestMs: oldestMs ?? 0 }
      const kept = this.of(route.name)
      for (const column of COLUMNS) {
        kept[column].push(points[column])
        if (kept[column].length > KEPT) kept[column].shift()
      }
    }
  },

  takeHistory({ everyMs, routes }) {
    this.everyMs = everyMs
    for (const [name, history] of Object.entries(routes)) this.history.set(name, history)
  },

  of(name) {
    let kept = this.history.get(name)
    if (kept === undefined) {
      kept = Object.fromEntries(COLUMNS.map(column => [column, []]))
      this.history.set(name, kept)
    }
    return kept
  },
}
