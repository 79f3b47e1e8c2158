import { get, routePath, send } from './api.js'
import { confirmed, h, setText, toast } from './dom.js'
import { count, time } from './format.js'
import { store } from './store.js'

/** The dead letters of a route: search, look, redrive, discard. */
export function letters(name) {
  const search = h('input', { type: 'search', id: 'letter-search', autocomplete: 'off' })
  const reason = h('input', {
    type: 'search',
    id: 'letter-reason',
    autocomplete: 'off',
    placeholder: 'VALIDATION_FAILED',
  })
  const body = h('tbody', {})
  const note = h('p', { class: 'soft', role: 'status' }, 'Not looked at yet.')
  const all = h('input', { type: 'checkbox', 'aria-label': 'Choose all that are shown', onchange: () => chooseAll() })
  const redrive = h('button', { type: 'button', disabled: true, onclick: () => act('redrive') }, 'Redrive')
  const discard = h(
    'button',
    { type: 'button', class: 'danger', disabled: true, onclick: () => act('discard') },
    'Discard',
  )
  const find = h('button', { type: 'submit' }, 'Look')
  const ticks = new Map()

  const chosen = () => [...ticks].filter(([, tick]) => tick.checked).map(([id]) => id)
  const choose = () => {
    const ids = chosen()
    for (const button of [redrive, discard]) button.disabled = ids.length === 0 || !store.access.write
    setText(redrive, ids.length === 0 ? 'Redrive' : `Redrive ${ids.length}`)
    setText(discard, ids.length === 0 ? 'Discard' : `Discard ${ids.length}`)
    all.checked = ids.length > 0 && ids.length === ticks.size
    all.indeterminate = ids.length > 0 && ids.length < ticks.size
  }
  const chooseAll = () => {
    for (const tick of ticks.values()) tick.checked = all.checked
    choose()
  }

  async function look(event) {
    event?.preventDefault()
    find.disabled = true
    setText(note, 'Reading …')
    const query = new URLSearchParams({ limit: '200' })
    if (search.value.trim() !== '') query.set('search', search.value.trim())
    if (reason.value.trim() !== '') query.set('reason', reason.value.trim())
    try {
      const { letters: found, more } = await get(routePath(name, `/dead-letters?${query}`))
      ticks.clear()
      body.replaceChildren(...found.map(row))
      setText(
        note,
        found.length === 0
          ? 'None.'
          : `${count(found.length)} dead letter${found.length === 1 ? '' : 's'}${more ? ', and there are more' : ''}.`,
      )
    } catch (error) {
      setText(note, `${error.message}. ${error.hint ?? ''}`)
    }
    find.disabled = false
    choose()
  }

  function row(letter) {
    const tick = h('input', { type: 'checkbox', 'aria-label': `Choose ${letter.id}`, onchange: choose })
    ticks.set(letter.id, tick)
    const open = h(
      'button',
      { type: 'button', 'aria-label': `Show ${letter.id}`, onclick: () => show(letter.id) },
      'Show',
    )
    return h(
      'tr',
      {},
      h('td', {}, tick),
      h('td', {}, time(letter.lastFailure)),
      h('td', {}, letter.reason),
      h('td', { class: 'wrap' }, letter.id),
      h('td', { class: 'wrap' }, letter.key ?? ''),
      h('td', { class: 'wrap' }, letter.message),
      h('td', {}, open),
    )
  }

  async function show(id) {
    try {
      const letter = await get(routePath(name, `/dead-letters/${encodeURIComponent(id)}`))
      const { body: content, headers, ...facts } = letter
      const close = () => {
        dialog.close()
        dialog.remove()
      }
      const dialog = h(
        'dialog',
        { class: 'wide', 'aria-labelledby': 'letter-title', oncancel: close },
        h('h2', { id: 'letter-title' }, `Dead letter ${id}`),
        h('h3', {}, 'Facts'),
        h('pre', { class: 'box' }, lines(Object.entries(facts))),
        h('h3', {}, 'Headers'),
        h('pre', { class: 'box' }, lines(headers.map(({ name: header, value }) => [header, value])) || 'none'),
        h('h3', {}, `Body (${content.bytes === null ? 'none: a tombstone' : `${count(content.bytes)} bytes`})`),
        h('pre', { class: 'box', tabindex: 0 }, bodyText(content)),
        h('div', { class: 'row' }, h('button', { type: 'button', autofocus: true, onclick: close }, 'Close')),
      )
      document.body.append(dialog)
      dialog.showModal()
    } catch (error) {
      toast(`${error.message}. ${error.hint ?? ''}`, true)
    }
  }

  async function act(verb) {
    const ids = chosen()
    const many = `${ids.length} dead letter${ids.length === 1 ? '' : 's'}`
    const sure =
      verb === 'redrive'
        ? await confirmed(`Redrive ${many}?`, `They go through ${name} to its target again, under new ids.`, 'Redrive')
        : await confirmed(`Discard ${many}?`, 'They are gone for good.', 'Discard', true)
    if (!sure) return
    try {
      const { done, failed } = await send('POST', routePath(name, `/dead-letters/${verb}`), { ids })
      toast(
        `${count(done)} ${verb === 'redrive' ? 'redriven' : 'discarded'}${failed > 0 ? `, ${failed} failed again` : ''}.`,
      )
    } catch (error) {
      toast(`${error.message}. ${error.hint ?? ''}`, true)
    }
    await look()
  }

  return h(
    'section',
    { class: 'card', 'aria-labelledby': 'letters-title' },
    h('h2', { id: 'letters-title' }, 'Dead letters'),
    h(
      'form',
      { class: 'row', onsubmit: look },
      h('label', { for: 'letter-search' }, 'Search', search),
      h('label', { for: 'letter-reason' }, 'Reason', reason),
      find,
      redrive,
      discard,
    ),
    note,
    h(
      'div',
      { class: 'scroll', tabindex: 0, 'aria-label': 'Dead letters as a table' },
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            h('th', { scope: 'col' }, all),
            ['Failed', 'Reason', 'Id', 'Key', 'Why', ''].map(text => h('th', { scope: 'col' }, text || ' ')),
          ),
        ),
        body,
      ),
    ),
  )
}

const lines = entries => entries.map(([name, value]) => `${name}: ${valueText(value)}`).join('\n')
const valueText = value => (typeof value === 'string' ? value : JSON.stringify(value))

/** A body as the API shows it, for people. */
export function bodyText({ bytes, json, text, base64, cut }) {
  if (bytes === null) return 'none'
  const shown = json !== undefined ? JSON.stringify(json, null, 2) : (text ?? `base64: ${base64}`)
  return cut ? `${shown}\n… cut` : shown || 'empty'
}
