const KEY = 'sluice-token'

/** What the API refused, with what to do. */
export class Refused extends Error {
  constructor(problem) {
    super(problem.detail || problem.title || 'refused')
    this.status = problem.status
    this.code = problem.code
    this.hint = problem.hint
    this.problem = problem
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEY) ?? '',
  set: value => (value === '' ? sessionStorage.removeItem(KEY) : sessionStorage.setItem(KEY, value)),
}

const headers = () => (token.get() === '' ? {} : { authorization: `Bearer ${token.get()}` })

async function asked(path, options) {
  const response = await fetch(path, { ...options, headers: { ...headers(), ...options?.headers } })
  if (response.ok) return response
  const problem = await response.json().catch(() => ({ status: response.status, detail: response.statusText }))
  if (response.status === 401) dispatchEvent(new CustomEvent('token-wanted', { detail: problem.detail }))
  throw new Refused(problem)
}

/** Throws Refused. */
export async function get(path) {
  return (await asked(path)).json()
}

export async function send(method, path, body, more = {}) {
  const options = { method, headers: { 'content-type': 'application/json', ...more } }
  if (body !== undefined) options.body = JSON.stringify(body)
  return (await asked(path, options)).json()
}

export const routePath = (name, rest = '') => `/api/routes/${encodeURIComponent(name)}${rest}`

const LONGEST_WAIT = 10_000

/**
 * Server-sent events over fetch, which can send a token where EventSource cannot. Connects again and again, with growing
 * waits, until the signal aborts. `state` hears `live` and `away`.
 */
export async function stream(path, { event, state, signal }) {
  for (let wait = 500; !signal.aborted; wait = Math.min(wait * 2, LONGEST_WAIT)) {
    try {
      const { body } = await asked(path, { signal })
      state('live')
      wait = 500
      await read(body, event)
    } catch (error) {
      if (signal.aborted) return
      state('away', error)
      // Nothing changes until there is another token.
      if (error instanceof Refused && error.status < 429) await until('token-changed', signal)
    }
    if (!signal.aborted) state('away')
    await new Promise(resolve => setTimeout(resolve, wait))
  }
}

async function read(body, event) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    text += value
    const blocks = text.split('\n\n')
    text = blocks.pop()
    for (const block of blocks) {
      const lines = block.split('\n')
      const name = lines.find(line => line.startsWith('event: '))?.slice(7)
      const data = lines.find(line => line.startsWith('data: '))?.slice(6)
      if (name !== undefined && data !== undefined) event(name, JSON.parse(data))
    }
  }
}

const until = (name, signal) =>
  new Promise(resolve => {
    addEventListener(name, resolve, { once: true })
    signal.addEventListener('abort', resolve, { once: true })
  })
