import { join } from 'node:path'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import { route } from '../engine/lab.ts'
import { ApiLab, type ApiLabOptions, TOKEN } from './api-lab.ts'
import type { startBrowser } from './browser.ts'

/** Where pictures of the page go, for people to look at; none are made without it. */
const PICTURES = process.env['SLUICE_PICTURES']

/** Three routes: one that filters, one with long names, one that is disabled. */
export const ROUTES = [
  route({ transform: [{ name: 'filter', options: '${body.n != 9}', timeout: '1s' }] }),
  route({
    name: 'payments-to-the-warehouse',
    from: { connection: 'here', options: { address: 'payments' } },
    to: { connection: 'elsewhere', options: { address: 'warehouse.payments.v2' } },
  }),
  route({ name: 'idle', enabled: false, from: { connection: 'here', options: { address: 'idle' } } }),
]

type Chromium = Awaited<ReturnType<typeof startBrowser>>

/** The page at this address, with a token in its pocket unless it is ''. What it complains of, and asks of others, is noted. */
export async function openPage(
  { browser }: Chromium,
  url: string,
  token: string,
  wishes: BrowserContextOptions = {},
): Promise<{ readonly page: Page; readonly complaints: readonly string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...wishes })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  page.on('request', request => {
    if (new URL(request.url()).origin !== url) complaints.push(`asked for ${request.url()}`)
  })
  page.setDefaultTimeout(60_000)
  if (token !== '') await page.addInitScript(`sessionStorage.setItem('sluice-token', ${JSON.stringify(token)})`)
  await page.goto(url)
  return { page, complaints }
}

/** Where pictures are asked for. */
export async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true })
}

/** The page of a gateway in a browser. What it asks of others, and what it complains of, fails the test. */
export class PageLab {
  readonly api: ApiLab
  readonly page: Page
  /** Errors the test expects on the console, e.g. of a refused request. */
  readonly expected: RegExp[] = []
  readonly #complaints: readonly string[]

  private constructor(api: ApiLab, page: Page, complaints: readonly string[]) {
    this.api = api
    this.page = page
    this.#complaints = complaints
  }

  /** With the operators' token in its pocket unless `token: ''`. */
  static async open(
    chromium: Chromium,
    options: ApiLabOptions & { readonly token?: string; readonly context?: BrowserContextOptions } = {},
  ): Promise<PageLab> {
    const { token = TOKEN, context, ...rest } = options
    const api = await ApiLab.open({ logLevel: { level: 'info' }, ...rest })
    const { page, complaints } = await openPage(chromium, api.url, token, context)
    return new PageLab(api, page, complaints)
  }

  async go(hash: string): Promise<void> {
    await this.page.goto(`${this.api.url}/${hash}`)
    await this.page.getByRole('heading', { level: 1 }).waitFor()
  }

  button(name: string) {
    return this.page.getByRole('button', { name, exact: true })
  }

  /** Says yes, by this word, to the question that is open. */
  async confirm(verb: string): Promise<void> {
    const dialog = this.page.getByRole('dialog')
    await dialog.getByRole('button', { name: verb, exact: true }).click()
    await dialog.waitFor({ state: 'detached' })
  }

  async toast(text: RegExp): Promise<void> {
    await this.page.locator('.toast', { hasText: text }).first().waitFor()
  }

  picture(name: string): Promise<void> {
    return picture(this.page, name)
  }

  /** Nothing went wrong in the browser that was not expected. */
  calm(): void {
    expect(this.#complaints.filter(text => !this.expected.some(pattern => pattern.test(text)))).toEqual([])
  }
}
