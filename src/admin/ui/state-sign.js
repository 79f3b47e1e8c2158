import { h } from './dom.js'
import { STATES } from './format.js'

/** The state of a route: a sign, a word, a colour. */
export function stateSign(state) {
  const [glyph, colour] = STATES[state]
  return h('span', { class: `state ${colour}` }, h('span', { 'aria-hidden': 'true' }, glyph), state)
}
