import { expect, test } from 'vitest'
import { folder, ROUTES, Sluice } from './sluice.ts'

// What is long fills the pipe and is cut in the middle; what is short is cut when it is flushed.
test.each([[['schema']], [['version']], [['--help']], [['check']]])(
  '%j ends without a word when nobody reads it',
  async args => {
    const cut = new Sluice(args, folder({ 'routes.yaml': ROUTES }))
    cut.process.stdout!.destroy()
    expect(await cut.result).toMatchObject({ code: 141, signal: null, stderr: '' })
  },
)

test('a command that failed says so, whoever reads its errors', async () => {
  const failed = new Sluice(['check'], folder())
  failed.process.stderr!.destroy()
  expect((await failed.result).code).toBe(2)
})

test('a gateway whose log nobody reads any more carries on', async () => {
  const gateway = new Sluice(['run'], folder({ 'routes.yaml': ROUTES }))
  const [url] = await gateway.saw(/http:[^ ",]+/)
  gateway.process.stderr!.destroy()
  // Each of these is worth a line of the log.
  for (let turn = 0; turn < 3; turn++) {
    const restarted = await fetch(`${url}/api/reload`, { method: 'POST' })
    expect(restarted.status).toBeLessThan(500)
    expect((await fetch(`${url}/livez`)).status).toBe(200)
  }
  gateway.process.kill('SIGTERM')
  expect(await gateway.result).toMatchObject({ code: 0, signal: null })
})
