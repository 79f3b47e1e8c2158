import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { obstacles } from './accessibility.ts'
import { startBrowser } from './browser.ts'
import { PageLab, ROUTES } from './page-lab.ts'
import { PlannedFile } from './planned-file.ts'

let chromium: Awaited<ReturnType<typeof startBrowser>>
beforeAll(async () => {
  chromium = await startBrowser()
})
afterAll(async () => chromium?.[Symbol.asyncDispose]())

describe.each(['light', 'dark'] as const)('in the %s', colorScheme => {
  test.each([320, 1280])('at %i pixels everything can be reached, read and named', async width => {
    const context = { colorScheme, viewport: { width, height: 800 } }
    const lab = await PageLab.open(chromium, { routes: ROUTES, reloading: new PlannedFile(), context })
    const { page, api } = lab
    api.lab.send({ id: 'broken-by-whoever-sends-very-long-ids-0123456789', bytes: Buffer.from('not json') })
    api.lab.elsewhere.reach.goDown()
    await page.getByRole('link', { name: /^route orders: running/ }).waitFor()
    expect(await obstacles(page)).toEqual([])
    await lab.picture(`overview-${colorScheme}-${width}`)
    await lab.go('#/routes/orders')
    await lab.button('Look').click()
    await page.getByText('1 dead letter.').waitFor()
    await lab.button('Open the tap').click()
    api.lab.send({ body: { n: 1, text: 'x'.repeat(500) } })
    await page.getByRole('heading', { name: 'After' }).waitFor()
    expect(await obstacles(page)).toEqual([])
    await lab.picture(`route-${colorScheme}-${width}`)
    await lab.go('#/configuration')
    await lab.button('Plan').click()
    await page.getByRole('list', { name: 'Plan' }).waitFor()
    expect(await obstacles(page)).toEqual([])
    await lab.button('Apply').click()
    expect(await obstacles(page)).toEqual([])
    await lab.picture(`configuration-${colorScheme}-${width}`)
    lab.calm()
  })
})
