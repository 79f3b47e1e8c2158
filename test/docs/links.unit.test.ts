import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const pages = [...markdown('.'), ...markdown('docs'), ...markdown('docs/adr')]

function markdown(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter(name => name.endsWith('.md'))
    .map(name => join(folder, name))
}

const read = (page: string): string => readFileSync(join(root, page), 'utf8').replace(/^```[\s\S]*?^```/gm, '')

// As GitHub makes them of headings.
function anchors(page: string): readonly string[] {
  return [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
}

test.each(pages)('%s links to what is there', page => {
  const links = [...read(page).matchAll(/\]\(([^()\s]+)\)/g)].map(([, link]) => link!)
  const dead = links.filter(link => {
    if (/^https?:/.test(link)) return false
    const [path, anchor] = link.split('#')
    const target = path === '' ? page : normalize(join(dirname(page), path!))
    if (!existsSync(join(root, target))) return true
    return anchor !== undefined && !anchors(target).includes(anchor)
  })
  expect(dead).toEqual([])
})

test.each(pages)('%s names files of the project that are there', page => {
  const named = [...read(page).matchAll(/`((?:src|test|docs|plugins|deploy)\/[\w./-]+\.\w+)`/g)].map(
    ([, path]) => path!,
  )
  expect(named.filter(path => !existsSync(join(root, path)) && !/[A-Z]{3}/.test(path))).toEqual([])
})

test('every decision is dated and has a context, a decision and consequences', () => {
  for (const page of markdown('docs/adr')) {
    expect(page).toMatch(/\/\d{8}-[a-z0-9-]+\.md$/)
    for (const part of ['Context', 'Decision', 'Consequences'])
      expect(read(page), page).toMatch(new RegExp(`^## ${part}$`, 'm'))
  }
})
