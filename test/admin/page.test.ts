import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../engine/lab.ts'
import { startBrowser } from './browser.ts'
import { PageLab, ROUTES } from './page-lab.ts'

let chromium: Awaited<ReturnType<typeof startBrowser>>
beforeAll(async () => {
  chromium = await startBrowser()
})
afterAll(async () => chromium?.[Symbol.asyncDispose]())

test('the page is small, and its files are what it asks for', () => {
  const folder = join(import.meta.dirname, '../../src/admin/ui')
  const sizes = readdirSync(folder).map(name => gzipSync(readFileSync(join(folder, name))).length)
  expect(sizes.length).toBeGreaterThan(5)
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(100 * 1024)
})

describe('the overview', () => {
  test('shows the routes as a picture and a table, as they are now', async () => {
    const lab = await PageLab.open(chromium, { routes: ROUTES })
    const { page, api } = lab
    const row = (name: string) => page.getByRole('row', { name: new RegExp(`^${name} `) })
    await row('orders').getByText('running').waitFor()
    expect(await page.getByRole('group', { name: '3 routes from 3 sources to 3 targets' }).count()).toBe(1)
    for (let n = 0; n < 500; n++) api.lab.send({ body: { n: n % 8 } })
    await page.getByRole('link', { name: /^route orders: running, [1-9]/ }).waitFor()
    api.lab.there.reach.goDown()
    api.lab.send()
    await row('orders').getByText('holding').waitFor()
    await page.getByRole('link', { name: /^route orders: holding/ }).waitFor()
    // Not by colour alone: a sign, a word, and broken lines.
    expect(await row('orders').locator('.state').textContent()).toBe('◔holding')
    expect(await page.locator('.topology path.still').count()).toBeGreaterThan(2)
    await lab.picture('overview')
    await page.getByLabel('Filter').fill('warehouse')
    await row('orders').waitFor({ state: 'detached' })
    expect(await page.locator('tbody tr').count()).toBe(1)
    lab.calm()
  })

  test('is walked through by keyboard', async () => {
    const lab = await PageLab.open(chromium, { routes: ROUTES })
    await lab.page.getByRole('link', { name: /^route orders: running/ }).waitFor()
    await lab.page.keyboard.press('Tab')
    expect(await lab.page.evaluate('document.activeElement?.textContent')).toBe('Skip to content')
    const focus = () => lab.page.evaluate("document.activeElement?.getAttribute('href')")
    for (let n = 0; n < 12 && (await focus()) !== '#/routes/orders'; n++) await lab.page.keyboard.press('Tab')
    expect(await focus()).toBe('#/routes/orders')
    // The picture is drawn anew each second, and the focus stays where it is.
    await new Promise(resolve => setTimeout(resolve, 1_500))
    expect(await focus()).toBe('#/routes/orders')
    await lab.page.keyboard.press('Enter')
    await lab.page.getByRole('heading', { level: 1, name: 'orders' }).waitFor()
    lab.calm()
  })
})

describe('a route', () => {
  test('is paused, resumed, drained and restarted by its buttons', async () => {
    const lab = await PageLab.open(chromium, { routes: ROUTES })
    const { page, api } = lab
    await lab.go('#/routes/orders')
    const is = (state: string) => page.locator('main .state', { hasText: state }).waitFor()
    await is('running')
    await lab.button('Pause').click()
    await is('paused')
    await lab.button('Resume').click()
    await is('running')
    await lab.button('Drain').click()
    await lab.confirm('Cancel')
    await is('running')
    await lab.button('Drain').click()
    await lab.confirm('Drain')
    await lab.toast(/orders is paused/)
    const before = api.gateway.route('orders')
    await lab.button('Restart').click()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await lab.button('Restart').click()
    await lab.confirm('Restart')
    await is('running')
    expect(api.gateway.route('orders')).not.toBe(before)
    lab.calm()
  })

  test('shows rates, latencies, why it stands still and its last errors', async () => {
    const lab = await PageLab.open(chromium, { routes: ROUTES })
    const { page, api } = lab
    await lab.go('#/routes/orders')
    for (let n = 0; n < 300; n++) api.lab.send({ body: { n: n % 8 } })
    await page.getByRole('img', { name: /^Messages per second: received now .*at most [1-9]/ }).waitFor()
    await page.getByRole('img', { name: /^Latency: half within now/ }).waitFor()
    api.lab.there.reach.goDown()
    api.lab.send()
    await page.locator('.condition', { hasText: 'target:' }).waitFor()
    await page.getByRole('img', { name: /^Oldest unacknowledged: age now [1-9]/ }).waitFor()
    await page.getByText('Last errors').click()
    await page
      .getByRole('cell', { name: 'CONNECTION_LOST' })
      .or(page.getByRole('cell', { name: 'CONNECT_FAILED' }))
      .first()
      .waitFor()
    await lab.picture('route')
    lab.calm()
  })

  test('shows what passes it', async () => {
    const lab = await PageLab.open(chromium, { routes: ROUTES })
    const { page, api } = lab
    await lab.go('#/routes/orders')
    await lab.button('Open the tap').click()
    await page.getByText('0 messages have passed').waitFor()
    api.lab.send({ body: { n: 1, password: 'hunter2', name: 'Ann' } })
    await page.getByRole('heading', { name: 'After' }).waitFor()
    api.lab.send({ body: { n: 9 } })
    await page.getByText('dropped by the transforms').waitFor()
    // Two a second are shown, and these were two.
    await expect
      .poll(
        () => {
          api.lab.send({ bytes: Buffer.from('no JSON') })
          return page.getByRole('heading', { name: 'Failed' }).count()
        },
        { interval: 300 },
      )
      .toBeGreaterThan(0)
    await page.getByText('It is put aside.').first().waitFor()
    const text = await page.locator('main').textContent()
    expect(text).toContain('"name": "Ann"')
    expect(text).not.toContain('hunter2')
    await lab.picture('tap')
    await lab.button('Close the tap').click()
    await until('nobody listens', () => !api.gateway.route('orders')!.tap.open)
    lab.calm()
  })

  test('that is tapped when one leaves its page is left alone', async () => {
    const lab = await PageLab.open(chromium, { routes: ROUTES })
    await lab.go('#/routes/orders')
    await lab.button('Open the tap').click()
    await until('somebody listens', () => lab.api.gateway.route('orders')!.tap.open)
    await lab.page.getByRole('link', { name: 'Configuration' }).click()
    await until('nobody listens', () => !lab.api.gateway.route('orders')!.tap.open)
    lab.calm()
  })
})

test('a gateway that is away is told, and found again', async () => {
  const lab = await PageLab.open(chromium)
  lab.expected.push(/Failed to load resource|ERR_/)
  const live = (text: string) => lab.page.locator('#live', { hasText: text }).waitFor()
  await live('live')
  await lab.api.close()
  await live('no connection')
  await lab.api.reopen()
  await live('live')
  lab.calm()
})
