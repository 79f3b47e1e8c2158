import { routePath, stream } from './api.js'
import { h, setText } from './dom.js'
import { count } from './format.js'
import { bodyText } from './letters.js'

const KEPT = 30

/** A live look at what passes a route, before and after its transforms. */
export function tap(name, signal) {
  const note = h(
    'p',
    { class: 'soft', role: 'status' },
    'Closed. Messages are sampled; what has a secret name is hidden.',
  )
  const list = h('div', { tabindex: 0, 'aria-label': 'Messages' })
  const button = h('button', { type: 'button', 'aria-pressed': 'false', onclick: () => toggle() }, 'Open the tap')
  let open

  function toggle() {
    if (open !== undefined) return close()
    open = new AbortController()
    setText(button, 'Close the tap')
    button.setAttribute('aria-pressed', 'true')
    void stream(routePath(name, '/tap?rate=2'), {
      event: take,
      state: (state, error) =>
        setText(note, state === 'live' ? 'Waiting for messages …' : (error?.message ?? 'Away, trying again …')),
      signal: AbortSignal.any([signal, open.signal]),
    })
  }

  function close() {
    open.abort()
    open = undefined
    setText(button, 'Open the tap')
    button.setAttribute('aria-pressed', 'false')
    setText(note, 'Closed.')
  }

  function take(event, { passed, before, after, failure }) {
    setText(note, `${count(passed)} message${passed === 1 ? ' has' : 's have'} passed; at most 2 a second are shown.`)
    if (event !== 'message') return
    list.prepend(
      h(
        'div',
        { class: 'tapped' },
        h('p', { class: 'small soft' }, `${before.timestamp} · ${before.id}`),
        h(
          'div',
          { class: 'grid' },
          message('Before', before),
          after.length === 0 ? nothing(failure) : undefined,
          after.map((each, index) => message(after.length > 1 ? `After, part ${index + 1}` : 'After', each)),
        ),
      ),
    )
    while (list.children.length > KEPT) list.lastChild.remove()
  }

  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'tap-title' },
    h('div', { class: 'row spread' }, h('h2', { id: 'tap-title' }, 'Tap'), button),
    note,
    list,
  )
}

function nothing(failure) {
  if (failure === undefined) return h('div', {}, h('h3', {}, 'After'), h('p', {}, 'dropped by the transforms'))
  const { code, message, again } = failure
  const next = again ? 'It is tried again.' : 'It is put aside.'
  return h('div', {}, h('h3', {}, 'Failed'), h('p', {}, `${code}: ${message}`), h('p', { class: 'soft' }, next))
}

function message(title, { key, subject, headers, body }) {
  const facts = [`subject: ${subject}`, ...(key === null ? [] : [`key: ${key}`])]
  const named = headers.map(
    ({ name, value }) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return h(
    'div',
    {},
    h('h3', {}, title),
    h('pre', { class: 'box' }, [...facts, ...named, '', bodyText(body)].join('\n')),
  )
}
