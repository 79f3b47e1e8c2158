import { get, routePath, send } from './api.js'
import { chart } from './chart.js'
import { confirmed, h, setText, toast } from './dom.js'
import { count, duration, rate, short, time } from './format.js'
import { letters } from './letters.js'
import { stateSign } from './state-sign.js'
import { store } from './store.js'
import { tap } from './tap.js'
import { workers } from './workers.js'

const FACTS = [
  ['In', route => rate(route.rates.received)],
  ['Out', route => rate(route.rates.settled)],
  ['Half within', route => duration(route.latency.p50Ms)],
  ['99 % within', route => duration(route.latency.p99Ms)],
  ['Lag', route => count(route.lag)],
  ['In flight', route => `${count(route.inFlight)} of ${count(route.inFlightLimit)}`],
  ['Oldest in flight', route => duration(route.oldestMs)],
  ['Held keys', route => count(route.heldLanes)],
  ['Settled', route => count(route.settled)],
  ['Dead-lettered', route => count(route.deadLettered)],
]

const ACTIONS = [
  ['pause', 'Pause', undefined],
  ['resume', 'Resume', undefined],
  ['drain', 'Drain', name => [`Drain ${name}?`, 'It stops receiving and stays paused when nothing is in flight.']],
  [
    'restart',
    'Restart',
    name => [`Restart ${name}?`, 'It finishes what is in flight, closes its connections and starts anew.'],
  ],
]

/** One route: its state, what can be done to it, charts, errors, dead letters, tap. */
export function route(name, signal) {
  const state = h('p', {})
  const path = h('p', { class: 'soft' })
  const conditions = h('div', {})
  const facts = FACTS.map(() => h('dd', {}))
  const errors = h('tbody', {})
  const seconds = () => (store.of(name).received.length * store.everyMs) / 1000
  const charts = [
    [chart('Messages per second', rate), ['received', 'received'], ['settled', 'settled']],
    [chart('Latency', duration), ['half within', 'p50Ms'], ['99 % within', 'p99Ms']],
    [chart('Lag', short), ['waiting in the source', 'lag']],
    [chart('Oldest unacknowledged', duration), ['age', 'oldestMs']],
  ]
  const buttons = ACTIONS.map(([verb, text, question]) =>
    h('button', { type: 'button', onclick: () => act(verb, text, question) }, text),
  )
  const each = workers()
  const readOnly = h(
    'p',
    { class: 'soft small', hidden: true },
    'Nothing can be changed here: no admin.token is configured.',
  )

  async function act(verb, text, question) {
    if (question !== undefined && !(await confirmed(...question(name), text))) return
    toast(`${text}: asked for …`)
    try {
      const now = await send('POST', routePath(name, `/${verb}`))
      toast(`${name} is ${now.state}.`)
    } catch (error) {
      toast(`${text}: ${error.message}. ${error.hint ?? ''}`, true)
    }
  }

  async function showErrors() {
    try {
      const details = await get(routePath(name))
      errors.replaceChildren(
        ...details.errors.map(error =>
          h(
            'tr',
            {},
            h('td', {}, time(error.at)),
            h('td', {}, error.where),
            h('td', {}, error.code),
            h('td', { class: 'wrap' }, error.message, error.count > 1 && ` (${count(error.count)} times)`),
          ),
        ),
      )
      if (details.errors.length === 0) errors.append(h('tr', {}, h('td', { colspan: 4, class: 'soft' }, 'None.')))
    } catch (error) {
      toast(error.message, true)
    }
  }

  const lastErrors = h(
    'details',
    { class: 'card', ontoggle: event => event.target.open && showErrors() },
    h('summary', {}, 'Last errors'),
    h(
      'div',
      { class: 'scroll', tabindex: 0, 'aria-label': 'Last errors' },
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            ['Time', 'Where', 'Code', 'What'].map(text => h('th', { scope: 'col' }, text)),
          ),
        ),
        errors,
      ),
    ),
  )

  return {
    title: name,
    element: [
      h('p', { class: 'small' }, h('a', { href: '#/' }, '← All routes')),
      h(
        'section',
        { class: 'card' },
        h(
          'div',
          { class: 'row spread' },
          h('h1', {}, name),
          h('div', { class: 'row', role: 'group', 'aria-label': `What to do with ${name}` }, buttons),
        ),
        readOnly,
        state,
        path,
        conditions,
        h(
          'dl',
          { class: 'facts' },
          FACTS.map(([text], index) => h('div', {}, h('dt', {}, text), facts[index])),
        ),
      ),
      h(
        'div',
        { class: 'grid charts' },
        charts.map(([{ element }]) => element),
      ),
      each.element,
      lastErrors,
      letters(name, signal),
      tap(name, signal),
    ],
    update({ routes }) {
      const route = routes.find(each => each.name === name)
      if (route === undefined) {
        setText(state, 'There is no such route any more.')
        return
      }
      readOnly.hidden = store.access.write
      for (const button of buttons) button.disabled = !store.access.write || route.state === 'disabled'
      if (state.dataset.state !== route.state) state.replaceChildren(stateSign(route.state))
      state.dataset.state = route.state
      const steps = route.transforms.length === 0 ? '' : ` → ${route.transforms.join(', ')}`
      const end = ({ connection, address }) => `${connection} ${address}`
      setText(path, `${end(route.from)}${steps} → ${end(route.to)}`)
      conditions.replaceChildren(
        ...route.conditions.map(({ part, code, message, hint, since }) =>
          h(
            'div',
            { class: route.state === 'blocked' ? 'condition bad' : 'condition' },
            h('strong', {}, `${part}: ${message}`),
            h('p', { class: 'small' }, `${code} since ${time(since)}. ${hint}`),
          ),
        ),
      )
      each.update(route.workers)
      for (const [index, [, of]] of FACTS.entries()) setText(facts[index], of(route))
      const history = store.of(name)
      for (const [{ update }, ...series] of charts)
        update(
          series.map(([text, column]) => ({ name: text, values: history[column] })),
          seconds(),
        )
    },
  }
}
