import { h } from './dom.js'
import { count, rate } from './format.js'
import { stateSign } from './state-sign.js'

const COLUMNS = ['Worker', 'State', 'In', 'Out', 'Lag', 'In flight', 'Settled', 'Dead-lettered']

/** Each worker of `sluice run --workers` with its share of a route; hidden where there is one process. */
export function workers() {
  const rows = h('tbody', {})
  const heads = COLUMNS.map(text => h('th', { scope: 'col' }, text))
  const table = h('table', {}, h('thead', {}, h('tr', {}, heads)), rows)
  const element = h(
    'section',
    { class: 'card', hidden: true },
    h('h2', {}, 'Workers'),
    h('div', { class: 'scroll', tabindex: 0, 'aria-label': 'Workers' }, table),
  )
  return { element, update }

  function update(all) {
    element.hidden = all === undefined
    rows.replaceChildren(...(all ?? []).map(row))
  }

  function row({ worker, state, rates, lag, inFlight, settled, deadLettered }) {
    const numbers =
      state === null
        ? h('td', { colspan: COLUMNS.length - 2, class: 'soft' }, 'It does not answer.')
        : [rate(rates.received), rate(rates.settled), ...[lag, inFlight, settled, deadLettered].map(count)].map(text =>
            h('td', {}, text),
          )
    return h('tr', {}, h('td', {}, count(worker)), h('td', {}, state === null ? '–' : stateSign(state)), numbers)
  }
}
