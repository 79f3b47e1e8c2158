// Runs in the page, and is its own value: what keeps people from using the page as it is now.
;(() => {
  const found = []
  const visible = element => element.checkVisibility({ visibilityProperty: true })
  const what = element => `<${element.tagName.toLowerCase()} ${element.id || element.className}>`
  const ids = [...document.querySelectorAll('[id]')].map(element => element.id)
  for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push(`the id ${id} twice`)
  if (document.querySelectorAll('h1').length !== 1) found.push('not one h1')
  if (document.documentElement.lang === '') found.push('no language')
  if (document.documentElement.scrollWidth > document.documentElement.clientWidth)
    found.push(`wider than the window: ${document.documentElement.scrollWidth}`)

  for (const control of document.querySelectorAll('a, button, input, select, summary, [role=img], dialog, nav')) {
    if (!visible(control)) continue
    const labels = control instanceof HTMLInputElement || control instanceof HTMLSelectElement ? control.labels : null
    const by = control.getAttribute('aria-labelledby')
    const name = [
      control.getAttribute('aria-label'),
      by === null ? '' : document.getElementById(by)?.textContent,
      ...[...(labels ?? [])].map(label => label.textContent),
      control.matches('input, select') ? '' : control.textContent,
    ].join('')
    if (name.trim() === '') found.push(`${what(control)} has no name`)
  }

  // WCAG 2.2: 4.5 to 1 for texts of usual size.
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1)
    canvas.fillStyle = colour
    canvas.fillRect(0, 0, 1, 1)
    return [...canvas.getImageData(0, 0, 1, 1).data]
  }
  const luminance = colour =>
    [0.2126, 0.7152, 0.0722].reduce((sum, weight, index) => {
      const part = colour[index] / 255
      return sum + weight * (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    }, 0)
  const background = element => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = rgba(at instanceof SVGElement ? 'transparent' : getComputedStyle(at).backgroundColor)
      if (colour[3] === 255) return colour
    }
    return rgba(getComputedStyle(document.documentElement).backgroundColor)
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement
    const text = walker.currentNode.textContent?.trim() ?? ''
    if (element === null || text === '' || !visible(element) || element.matches('title, noscript, :disabled, option'))
      continue
    const style = getComputedStyle(element)
    const [a, b] = [rgba(element instanceof SVGElement ? style.fill : style.color), background(element)]
      .map(luminance)
      .toSorted((one, other) => other - one)
    const contrast = (a + 0.05) / (b + 0.05)
    if (contrast < 4.5) found.push(`"${text.slice(0, 40)}" has a contrast of ${contrast.toFixed(2)}`)
  }
  return [...new Set(found)]
})()
