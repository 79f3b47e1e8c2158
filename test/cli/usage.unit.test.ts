import { describe, expect, test } from 'vitest'
import { command, folder } from './sluice.ts'

describe('help teaches', () => {
  test.each([
    [['--help'], /Examples:[\s\S]*Exit codes/],
    [['run', '--help'], /--fail-fast[\s\S]*Examples:[\s\S]*Exit codes/],
    [['check', '--help'], /--connect[\s\S]*Examples:[\s\S]*Exit codes/],
    [['schema', '--help'], /Examples:/],
    [['top', '--help'], /--token-file[\s\S]*Examples:[\s\S]*Exit codes/],
    [['tap', '--help'], /--rate[\s\S]*Examples:[\s\S]*Exit codes/],
    [['dlq', '--help'], /redrive[\s\S]*Examples:[\s\S]*Exit codes/],
    [['dlq', 'redrive', '--help'], /--rate[\s\S]*--set-header[\s\S]*Examples:/],
  ])('%j', async (args, teaches) => {
    const { code, stdout, stderr } = await command(args, folder())
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(teaches)
    expect(stdout.split('\n').filter(line => line.length > 80)).toEqual([])
  })
})

describe('wrong usage is one line and exit code 2', () => {
  test.each([
    [['chekc'], /^error: unknown command 'chekc' \(did you mean check\?\)\. See `sluice --help`\.$/m],
    [['run', '--fali-fast'], /'--fali-fast' \(did you mean --fail-fast\?\)\. See `sluice run --help`\.$/m],
    [['run', '--log', 'xml'], /Allowed choices are json, text/],
    [['dlq', 'list'], /missing required argument 'route'\. See `sluice dlq list --help`/],
    [['dlq', 'redrive', 'orders', '--rate', '100'], /"100" is not a rate such as 500\/s/],
    [['dlq', 'list', 'orders', '--older-than', 'yesterday'], /"yesterday" is not a duration/],
    [['dlq', 'redrive', 'orders', '--set-header', 'novalue'], /name=value/],
    [['dlq', 'list', 'orders', '--limit', '0'], /whole number/],
    [['tap'], /missing required argument 'route'\. See `sluice tap --help`/],
    [['top', '--url', 'nowhere'], /"nowhere" is not a url/],
    [['run', '--admin-port', '65536'], /port, 0 to 65535/],
    [['check', 'routes.yaml'], /too many arguments/],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await command(args, folder())
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  test('no command shows what there is', async () => {
    const { code, stderr } = await command([], folder())
    expect(code).toBe(2)
    expect(stderr).toMatch(/Commands:[\s\S]*run[\s\S]*check/)
  })
})

test('version names Sluice and Node.js', async () => {
  const { code, stdout } = await command(['version'], folder())
  expect(code).toBe(0)
  expect(stdout).toMatch(/^sluice \d+\.\d+\.\d+ \(Node\.js 2\d\./)
})

test('schema describes what the plug-ins of a file bring', async () => {
  const dir = folder({
    'routes.yaml': 'version: 1\n',
    'plugins/mask.mjs':
      "export default { name: 'mask', transforms: [{ name: 'mask-it', schema: { type: 'object' }, create: () => m => m }] }\n",
  })
  const { code, stdout, stderr } = await command(['schema'], dir)
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toContain('mask-it')
})
