/** Makes an element. `on…` are listeners; undefined and false attributes are left out; texts are never read as HTML. */
export function h(tag, attributes = {}, ...children) {
  return build(document.createElement(tag), attributes, children)
}

/** The same for SVG. */
export function s(tag, attributes = {}, ...children) {
  return build(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children)
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (value === true) element.setAttribute(name, '')
    else element.setAttribute(name, value)
  }
  element.append(...children.flat(2).filter(child => child !== undefined && child !== null && child !== false))
  return element
}

/** Sets a text only where it changed: what is selected stays selected, and screen readers stay calm. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/** A line at the edge of the window for a while. */
export function toast(text, bad = false) {
  const line = h('p', { class: bad ? 'toast bad' : 'toast' }, text)
  document.getElementById('toasts').append(line)
  setTimeout(() => line.remove(), bad ? 12_000 : 5_000)
}

/** Asks; resolves to whether it was confirmed. Escape and the other button say no. */
export function confirmed(title, text, verb, danger = false) {
  return new Promise(resolve => {
    const close = answer => {
      dialog.close()
      dialog.remove()
      resolve(answer)
    }
    const dialog = h(
      'dialog',
      { 'aria-labelledby': 'ask', oncancel: () => close(false) },
      h('h2', { id: 'ask' }, title),
      h('p', {}, text),
      h(
        'div',
        { class: 'row' },
        h('button', { type: 'button', class: danger ? 'danger' : 'main', onclick: () => close(true) }, verb),
        h('button', { type: 'button', autofocus: true, onclick: () => close(false) }, 'Cancel'),
      ),
    )
    document.body.append(dialog)
    dialog.showModal()
  })
}
