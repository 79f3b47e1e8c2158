import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { until } from '../engine/lab.ts'
import { READ_TOKEN, TOKEN } from './api-lab.ts'
import { startBrowser } from './browser.ts'
import { PageLab, ROUTES } from './page-lab.ts'
import { PLAN, PlannedFile } from './planned-file.ts'

let chromium: Awaited<ReturnType<typeof startBrowser>>
beforeAll(async () => {
  chromium = await startBrowser()
})
afterAll(async () => chromium?.[Symbol.asyncDispose]())

describe('dead letters', () => {
  test('are searched, shown, redriven and discarded, each after a question', async () => {
    const lab = await PageLab.open(chromium, { routes: ROUTES })
    const { page, api } = lab
    const refusing = api.lab.there.setFaults('out', {})
    refusing.judge = one => (one.id.startsWith('refused') ? 'MESSAGE_REFUSED' : undefined)
    for (const id of ['refused-1', 'refused-2']) api.lab.send({ id, key: 'k', body: { n: 1, token: 'hunter2' } })
    api.lab.send({ id: 'broken', bytes: Buffer.from('<b>not json</b>') })
    await until('all are put aside', () => api.lab.there.contents('dead').length === 3)
    refusing.clear()
    await lab.go('#/routes/orders')
    await lab.button('Look').click()
    await page.getByText('3 dead letters.').waitFor()
    expect(await lab.button('Redrive').isDisabled()).toBe(true)

    await lab.button('Show broken').click()
    // What others wrote is text, never a part of the page.
    expect(await page.getByRole('dialog').textContent()).toContain('<b>not json</b>')
    await lab.picture('letter')
    await lab.confirm('Close')

    await page.getByLabel('Search').fill('REFUSED-')
    await lab.button('Look').click()
    await page.getByText('2 dead letters.').waitFor()
    await lab.button('Show refused-1').click()
    expect(await page.getByRole('dialog').textContent()).not.toContain('hunter2')
    await page.keyboard.press('Escape')
    await page.getByLabel('Choose refused-1').check()
    await lab.button('Redrive 1').click()
    await lab.confirm('Cancel')
    await lab.button('Redrive 1').click()
    await lab.confirm('Redrive')
    await lab.toast(/1 redriven/)
    expect(api.lab.stored()).toHaveLength(1)

    await page.getByLabel('Search').fill('')
    await page.getByLabel('Reason').fill('BODY_INVALID')
    await lab.button('Look').click()
    await page.getByText('1 dead letter.').waitFor()
    await page.getByLabel('Choose all that are shown').check()
    await lab.button('Discard 1').click()
    await lab.confirm('Discard')
    await lab.toast(/1 discarded/)
    await until('one is left', () => api.lab.there.contents('dead').length === 1)
    lab.calm()
  })
})

describe('the configuration', () => {
  test('is planned, looked at as a difference, and applied after a question', async () => {
    const reloading = new PlannedFile()
    const logLevel = { level: 'info' as 'debug' | 'info' | 'warn' | 'error' }
    const lab = await PageLab.open(chromium, { reloading, logLevel })
    const { page } = lab
    await lab.go('#/configuration')
    expect(await lab.button('Apply').isDisabled()).toBe(true)
    await lab.button('Plan').click()
    const plan = page.getByRole('list', { name: 'Plan' })
    await plan.waitFor()
    expect(await plan.locator('> li').allTextContents()).toEqual([
      '− old stops',
      '~ orders changes in placeroutes.orders.transform[0]',
      '! admin.port needs a restart of the process',
    ])
    await lab.picture('plan')
    await lab.button('Apply').click()
    await lab.confirm('Cancel')
    expect(reloading.applied).toEqual([])
    await lab.button('Apply').click()
    await lab.confirm('Apply')
    await lab.toast(/Applied/)
    expect(reloading.applied).toEqual([['api', PLAN.hash]])
    await page.getByLabel('Least level').selectOption('debug')
    await lab.toast(/Logging debug/)
    expect(logLevel.level).toBe('debug')
    await page.getByText('What runs, without secrets').click()
    await page.getByText('"inFlight": 200').waitFor()
    expect(await page.getByRole('row', { name: /^here from memory:\/\/here orders ● open/ }).count()).toBe(1)
    lab.calm()
  })

  test('that failed to load is told on every page, and its mistakes where it is planned', async () => {
    const reloading = new PlannedFile()
    const lab = await PageLab.open(chromium, { reloading })
    lab.expected.push(/status of 422/)
    await lab.page.locator('#live', { hasText: 'live' }).waitFor()
    expect(await lab.page.getByRole('alert').isVisible()).toBe(false)
    reloading.breakIt()
    await reloading.apply('file')
    await lab.page.getByRole('alert').getByText('routes.yaml:3: no').waitFor()
    await lab.go('#/configuration')
    await lab.button('Plan').click()
    await lab.page.getByRole('list', { name: 'Problems' }).getByText('error routes.yaml:3:1').waitFor()
    expect(await lab.button('Apply').isDisabled()).toBe(true)
    await lab.picture('failed-reload')
    lab.calm()
  })
})

describe('the token', () => {
  test('is asked for, kept in this tab only, and asked for again when it is wrong', async () => {
    const lab = await PageLab.open(chromium, { token: '' })
    const { page } = lab
    lab.expected.push(/status of 401/)
    const give = async (token: string) => {
      await page.getByLabel('admin.token').fill(token)
      await lab.button('Use').click()
    }
    await page.getByText('there is no bearer token').first().waitFor()
    await lab.picture('token')
    await give('a-token-that-is-wrong')
    await page.getByRole('dialog').getByText('the token is not the right one').waitFor()
    await give(TOKEN)
    await page.locator('#live', { hasText: 'live' }).waitFor()
    const kept = await page.evaluate('[JSON.stringify(localStorage), document.cookie, sessionStorage.length]')
    expect(kept).toEqual(['{}', '', 1])
    await lab.button('Token').click()
    await lab.confirm('Cancel')
    lab.calm()
  })

  test('that only reads is told so when it is used to write', async () => {
    const lab = await PageLab.open(chromium, { token: READ_TOKEN })
    lab.expected.push(/status of 403/)
    await lab.go('#/routes/orders')
    await lab.button('Pause').click()
    await lab.toast(/a read-only token cannot change anything/)
    lab.calm()
  })

  test('that does not exist switches off what writes', async () => {
    const lab = await PageLab.open(chromium, { token: '', admin: { token: undefined, readToken: undefined } })
    await lab.go('#/routes/orders')
    await lab.page.getByText('no admin.token is configured').waitFor()
    for (const name of ['Pause', 'Resume', 'Drain', 'Restart']) expect(await lab.button(name).isDisabled()).toBe(true)
    lab.calm()
  })
})
