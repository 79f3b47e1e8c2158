const NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const

/**
 * Calls `stop` on the first SIGINT or SIGTERM; the second one ends the process at once, by 128 + its number, after `abandon`.
 */
export function onSignals(
  stop: (signal: 'SIGINT' | 'SIGTERM') => void,
  abandon?: (signal: 'SIGINT' | 'SIGTERM') => void,
): Disposable {
  let first = true
  const handlers = (['SIGINT', 'SIGTERM'] as const).map(signal => {
    const handler = () => {
      if (!first) {
        abandon?.(signal)
        process.exit(128 + NUMBERS[signal])
      }
      first = false
      stop(signal)
    }
    process.on(signal, handler)
    return [signal, handler] as const
  })
  return {
    [Symbol.dispose]() {
      for (const [signal, handler] of handlers) process.off(signal, handler)
    },
  }
}

/** Calls `reload` on every SIGHUP. */
export function onHangUp(reload: () => void): Disposable {
  process.on('SIGHUP', reload)
  return { [Symbol.dispose]: () => void process.off('SIGHUP', reload) }
}

/** An AbortSignal that the first SIGINT or SIGTERM aborts. */
export function abortOnSignals(): Disposable & {
  readonly signal: AbortSignal
  readonly exitCode: () => number | undefined
} {
  const controller = new AbortController()
  let code: number | undefined
  const handlers = onSignals(signal => {
    code = 128 + NUMBERS[signal]
    controller.abort()
  })
  return { signal: controller.signal, exitCode: () => code, [Symbol.dispose]: () => handlers[Symbol.dispose]() }
}
