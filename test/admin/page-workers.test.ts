import { afterAll, beforeAll, expect, test } from 'vitest'
import { folder, ROUTES, Sluice } from '../cli/sluice.ts'
import { startBrowser } from './browser.ts'
import { openPage, picture } from './page-lab.ts'

// The page of `sluice run --workers`: the parent serves it, and every worker does what its buttons say.

const TOKEN = 'a-token-for-the-workers'
const WITH_TOKEN = ROUTES.replace('port: 0', `port: 0, token: ${TOKEN}`).replace('1\n', '1\nreload: { watch: false }\n')

let chromium: Awaited<ReturnType<typeof startBrowser>>
beforeAll(async () => {
  chromium = await startBrowser()
})
afterAll(async () => chromium?.[Symbol.asyncDispose]())

test('the page shows all workers as one gateway, and its buttons reach each of them', async () => {
  const parent = new Sluice(['run', '--log', 'json', '--workers', '2'], folder({ 'routes.yaml': WITH_TOKEN }))
  const [, url] = await parent.saw(/"admin":"(http:[^"]+)","msg":"started"/)
  await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200)
  const states = async () => {
    const answer = await fetch(`${url}/api/routes/copy`, { headers: { authorization: `Bearer ${TOKEN}` } })
    const { workers } = (await answer.json()) as { workers: { state: string }[] }
    return workers.map(({ state }) => state)
  }
  const { page, complaints } = await openPage(chromium, url!, TOKEN)
  await page
    .getByRole('row', { name: /^copy / })
    .getByText('running')
    .waitFor()
  await page.goto(`${url}/#/routes/copy`)
  const button = (name: string) => page.getByRole('button', { name, exact: true })
  const is = (state: string) => page.locator('main .state', { hasText: state }).first().waitFor()
  await is('running')
  await button('Pause').click()
  await is('paused')
  expect(await states()).toEqual(['paused', 'paused'])
  await button('Resume').click()
  await is('running')
  expect(await states()).toEqual(['running', 'running'])
  // One is frozen: the table of workers says which.
  const { workers } = (await (await fetch(`${url}/readyz`)).json()) as { workers: { pid: number }[] }
  const row = (worker: number) => page.getByRole('row', { name: new RegExp(`^${worker} `) })
  await row(1).getByText('running').waitFor()
  process.kill(workers[1]!.pid, 'SIGSTOP')
  await row(2).getByText('does not answer').waitFor()
  await row(1).getByText('running').waitFor()
  await picture(page, 'workers')
  process.kill(workers[1]!.pid, 'SIGCONT')
  await row(2).getByText('running').waitFor()
  await page.getByRole('link', { name: 'Configuration' }).click()
  await page.getByRole('heading', { level: 1, name: 'Configuration' }).waitFor()
  expect(complaints).toEqual([])
  parent.process.kill('SIGTERM')
  expect((await parent.result).code).toBe(0)
})
