import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { FileWatch } from '../../src/app/file-watch.ts'
import { Notes, until } from '../engine/lab.ts'
import { scratch, write } from './served.ts'

interface Look {
  readonly settle?: number
  readonly look?: number
  readonly unsettled?: () => boolean
  readonly since?: number
}

/** Counts what a watch calls a change. `look` is so long that only events can be the reason, unless a test says otherwise. */
function watching(
  paths: () => readonly string[],
  { settle = 20, look = 600_000, unsettled = () => false, since = Date.now() + 1_000 }: Look = {},
) {
  const seen = { changes: 0 }
  const watch = new FileWatch({
    paths,
    changed: async () => void seen.changes++,
    unsettled,
    log: new Notes(),
    since,
    settle,
    look,
  })
  onTestFinished(() => watch[Symbol.asyncDispose]())
  return seen
}

const sees = (seen: { changes: number }, count: number) => until(`${count} changes`, () => seen.changes >= count)

describe('a watch sees', () => {
  test('a file that is written to', async () => {
    const dir = scratch({ 'routes.yaml': 'a' })
    const seen = watching(() => [join(dir, 'routes.yaml')])
    write(dir, { 'routes.yaml': 'bb' })
    await sees(seen, 1)
    write(dir, { 'routes.yaml': 'ccc' })
    await sees(seen, 2)
  })

  test('a file that an editor replaces by a rename', async () => {
    const dir = scratch({ 'routes.yaml': 'a' })
    const seen = watching(() => [join(dir, 'routes.yaml')])
    for (const count of [1, 2, 3]) {
      write(dir, { '.routes.yaml.swp': 'b'.repeat(count) })
      renameSync(join(dir, '.routes.yaml.swp'), join(dir, 'routes.yaml'))
      await sees(seen, count)
    }
  })

  test('a file that is deleted and made anew', async () => {
    const dir = scratch({ 'routes.yaml': 'a' })
    const seen = watching(() => [join(dir, 'routes.yaml')])
    rmSync(join(dir, 'routes.yaml'))
    await sees(seen, 1)
    write(dir, { 'routes.yaml': 'a' })
    await sees(seen, 2)
  })

  test('how Kubernetes changes a ConfigMap: a link to a folder is replaced', async () => {
    const dir = scratch({ '..1/routes.yaml': 'a', '..1/more.yaml': 'a' })
    symlinkSync('..1', join(dir, '..data'))
    for (const name of ['routes.yaml', 'more.yaml']) symlinkSync(join('..data', name), join(dir, name))
    const seen = watching(() => [join(dir, 'routes.yaml'), join(dir, 'more.yaml')])
    for (const count of [2, 3, 4]) {
      write(dir, { [`..${count}/routes.yaml`]: 'a', [`..${count}/more.yaml`]: 'a' })
      symlinkSync(`..${count}`, join(dir, '..data_tmp'))
      renameSync(join(dir, '..data_tmp'), join(dir, '..data'))
      rmSync(join(dir, `..${count - 1}`), { recursive: true })
      await sees(seen, count - 1)
    }
    expect(seen.changes).toBe(3)
  })

  test('what happens where a link leads', async () => {
    const dir = scratch({ 'real/routes.yaml': 'a' })
    symlinkSync(join(dir, 'real', 'routes.yaml'), join(dir, 'routes.yaml'))
    const seen = watching(() => [join(dir, 'routes.yaml')])
    write(dir, { 'real/routes.yaml': 'bb' })
    await sees(seen, 1)
    write(dir, { 'other/routes.yaml': 'c' })
    unlinkSync(join(dir, 'routes.yaml'))
    symlinkSync(join(dir, 'other', 'routes.yaml'), join(dir, 'routes.yaml'))
    await sees(seen, 2)
    write(dir, { 'other/routes.yaml': 'dd' })
    await sees(seen, 3)
  })

  test('files that come and go in a folder', async () => {
    const dir = scratch({ 'a.yaml': 'a' })
    const seen = watching(() => [dir])
    write(dir, { 'b.yaml': 'b' })
    await sees(seen, 1)
    rmSync(join(dir, 'a.yaml'))
    await sees(seen, 2)
  })

  test('a folder that is there only later, at its next look', async () => {
    const dir = scratch()
    const seen = watching(() => [join(dir, 'plugins')], { look: 20 })
    mkdirSync(join(dir, 'plugins'))
    await sees(seen, 1)
    write(dir, { 'plugins/a.ts': '' })
    await sees(seen, 2)
  })

  test('a folder that another takes the place of, at its next look', async () => {
    const dir = scratch({ 'one/routes.yaml': 'a', 'two/routes.yaml': 'b' })
    symlinkSync('one', join(dir, 'current'))
    const seen = watching(() => [join(dir, 'current', 'routes.yaml')], { look: 20 })
    symlinkSync('two', join(dir, 'next'))
    renameSync(join(dir, 'next'), join(dir, 'current'))
    await sees(seen, 1)
    write(dir, { 'two/routes.yaml': 'cc' })
    await sees(seen, 2)
  })

  test('what was written after the files were read, before it was there', async () => {
    const dir = scratch({ 'routes.yaml': 'a' })
    const seen = watching(() => [join(dir, 'routes.yaml')], { since: Date.now() - 1_000 })
    await sees(seen, 1)
  })

  test('paths that are named only later, and asks once more for them', async () => {
    const dir = scratch({ 'routes.yaml': 'a', 'schema.json': '{}' })
    const paths = [join(dir, 'routes.yaml')]
    const seen = watching(() => paths)
    paths.push(join(dir, 'schema.json'))
    write(dir, { 'routes.yaml': 'bb' })
    await sees(seen, 1)
    const then = seen.changes
    write(dir, { 'schema.json': '{ }' })
    await sees(seen, then + 1)
  })
})

describe('a watch', () => {
  test('waits until a file lies still', async () => {
    const dir = scratch({ 'routes.yaml': 'a' })
    const seen = watching(() => [join(dir, 'routes.yaml')], { settle: 300 })
    for (let n = 2; n < 12; n++) {
      write(dir, { 'routes.yaml': 'a'.repeat(n) })
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    await sees(seen, 1)
    await new Promise(resolve => setTimeout(resolve, 100))
    expect(seen.changes).toBe(1)
  })

  test('takes no notice of what else is written to the folder', async () => {
    const dir = scratch({ 'routes.yaml': 'a' })
    const seen = watching(() => [join(dir, 'routes.yaml')])
    for (let n = 0; n < 20; n++) write(dir, { [`log-${n}`]: 'x' })
    const file = join(dir, 'routes.yaml')
    utimesSync(file, new Date(0), new Date(0))
    await sees(seen, 1)
    expect(seen.changes).toBe(1)
  })

  test('tries again what was not right, though nothing has changed', async () => {
    const dir = scratch({ 'routes.yaml': 'a' })
    const seen = watching(() => [join(dir, 'routes.yaml')], { look: 20, unsettled: () => true })
    await sees(seen, 3)
  })

  test('ends at once and leaves nothing open', async () => {
    const dir = scratch({ 'routes.yaml': 'a' })
    const open = () => process.getActiveResourcesInfo().filter(each => /Timeout|FSEvent/.test(each)).length
    const before = open()
    const watch = new FileWatch({
      paths: () => [join(dir, 'routes.yaml')],
      changed: async () => {},
      unsettled: () => false,
      log: new Notes(),
    })
    await watch[Symbol.asyncDispose]()
    expect(open()).toBeLessThanOrEqual(before)
  })
})
