import { get, Refused, stream, token } from './api.js'
import { configuration } from './configuration.js'
import { h, setText, toast } from './dom.js'
import { overview } from './overview.js'
import { route } from './route.js'
import { store } from './store.js'

// A page is a function of (store, parameters, signal) that answers with { title, element, update(status) }.
const PAGES = [
  { path: /^#?\/?$/, open: overview, nav: '#/' },
  { path: /^#\/routes\/([^/]+)$/, open: route, nav: '#/' },
  { path: /^#\/configuration$/, open: configuration, nav: '#/configuration' },
]
const NAV = [
  ['#/', 'Routes'],
  ['#/configuration', 'Configuration'],
]

const content = document.getElementById('content')
const live = document.getElementById('live')
const banner = document.getElementById('banner')
let page
let leave = new AbortController()

function navigate(first = false) {
  leave.abort()
  leave = new AbortController()
  const found = PAGES.find(({ path }) => path.test(location.hash)) ?? PAGES[0]
  const [, parameter] = found.path.exec(location.hash) ?? []
  page = found.open(parameter === undefined ? undefined : decodeURIComponent(parameter), leave.signal)
  document.title = `${page.title} · Sluice`
  document
    .getElementById('pages')
    .replaceChildren(
      ...NAV.map(([href, text]) => h('a', { href, 'aria-current': found.nav === href ? 'page' : undefined }, text)),
    )
  content.replaceChildren(...[page.element].flat())
  if (store.status !== undefined) page.update(store.status)
  if (!first) content.focus()
}

function show(status) {
  store.take(status)
  const { reload } = status
  banner.hidden = reload === null || reload.ok
  if (!banner.hidden) {
    const [problem] = reload.problems
    const why = reload.error ?? (problem === undefined ? '' : `${problem.file}:${problem.line}: ${problem.message}`)
    setText(banner, `The last reload failed, what ran before runs on. ${why.replace(/\.?$/, '.')} See Configuration.`)
  }
  page.update(status)
}

function state(now, error) {
  const text = now === 'live' ? '● live' : error instanceof Refused ? error.message : '○ no connection, trying again'
  setText(live, text)
  live.className = now === 'live' ? 'live good' : 'live bad'
}

let asking = false
function askToken(why) {
  if (asking) return
  asking = true
  const field = h('input', { type: 'password', autocomplete: 'off', id: 'token-field', value: token.get() })
  const close = () => {
    dialog.close()
    dialog.remove()
    asking = false
  }
  const keep = event => {
    event.preventDefault()
    token.set(field.value.trim())
    close()
    dispatchEvent(new Event('token-changed'))
    void access()
  }
  const dialog = h(
    'dialog',
    { 'aria-labelledby': 'token-title', oncancel: close },
    h('h2', { id: 'token-title' }, 'Token'),
    why && h('p', { class: 'bad' }, `The gateway says: ${why}.`),
    h('p', {}, 'The token is kept until this tab is closed, and sent to this gateway only.'),
    h(
      'form',
      { onsubmit: keep },
      h('label', { for: 'token-field' }, 'admin.token or admin.readToken', field),
      h(
        'div',
        { class: 'row' },
        h('button', { type: 'submit', class: 'main' }, 'Use'),
        h('button', { type: 'button', onclick: close }, 'Cancel'),
      ),
    ),
  )
  document.body.append(dialog)
  dialog.showModal()
  field.focus()
}

async function access() {
  try {
    store.access = await get('/api/access')
    store.takeHistory(await get('/api/history'))
  } catch (error) {
    if (!(error instanceof Refused && error.status === 401)) toast(error.message, true)
  }
}

document.getElementById('token').addEventListener('click', () => askToken())
addEventListener('token-wanted', ({ detail }) => askToken(detail))
addEventListener('hashchange', () => navigate())
navigate(true)
void access()
void stream('/api/events', { event: (_, data) => show(data), state, signal: new AbortController().signal })
