import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const NEED_NO_BROKER = ['test/**/*.unit.test.ts', 'test/architecture.test.ts']
/** Start programs of ours, the gateway above all, and look at their streams, signals and exit codes. */
const START_PROGRAMS = ['test/**/*.process.test.ts']
/** Package, chart, image, rules: no broker either, but tools that the first run downloads. */
const DEPLOY = ['test/deploy/**/*.test.ts']
const BREAK_THEIR_BROKERS = [
  'test/faults/**/*.test.ts',
  'test/pairs/**/*.test.ts',
  'test/drivers/*/outage.test.ts',
  'test/drivers/*/*-broker.test.ts',
  'test/streams/{08,13,14}-*.test.ts',
]

// `package.json` exports what `npm pack` makes; here the source itself is meant.
const resolve = {
  alias: [
    { find: /^sluice$/, replacement: new URL('src/index.ts', import.meta.url).pathname },
    { find: /^sluice\/conformance$/, replacement: new URL('test/conformance/index.ts', import.meta.url).pathname },
  ],
}

// Vitest polls for a second unless told otherwise: on a busy machine anything may take that long.
const expectation = { poll: { timeout: 60_000 } }

// What a test promises to do in time it measures itself; this only ends a run that hangs, on the slowest of machines.
const limits = { testTimeout: 600_000, hookTimeout: 900_000 }

const onBrokers = {
  expect: expectation,
  globalSetup: ['test/brokers/setup.ts'],
  ...limits,
}

// `unit` needs nothing but Node (part of `npm run check`), nor does `process`, which starts the gateway for each of its tests;
// `brokers` and `faults` talk to real brokers, which test/brokers/setup.ts starts once for the whole run. Files named
// *.unit.test.ts, *.process.test.ts and *.test.ts tell them apart.
export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        test: {
          name: 'unit',
          include: NEED_NO_BROKER,
          testTimeout: 120_000,
          expect: expectation,
          // Half of the time of a unit test is waiting for a timer.
          maxWorkers: 3 * availableParallelism(),
          // No module has state (test/architecture.test.ts), so files may share what they import: a third less work.
          isolate: false,
        },
      },
      {
        resolve,
        test: {
          name: 'process',
          include: START_PROGRAMS,
          testTimeout: 120_000,
          expect: expectation,
          maxWorkers: '100%',
          sequence: { groupOrder: 1 },
        },
      },
      {
        resolve,
        test: {
          name: 'deploy',
          include: DEPLOY,
          exclude: NEED_NO_BROKER,
          ...limits,
          expect: expectation,
          // Building tools takes both cores: no test on brokers beside it.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        resolve,
        test: {
          ...onBrokers,
          name: 'brokers',
          include: ['test/**/*.test.ts'],
          exclude: [...NEED_NO_BROKER, ...START_PROGRAMS, ...DEPLOY, ...BREAK_THEIR_BROKERS],
          // Much of a broker test is waiting, too: two files at a time.
          maxWorkers: 2,
          sequence: { groupOrder: 3 },
        },
      },
      {
        resolve,
        test: {
          ...onBrokers,
          name: 'faults',
          include: BREAK_THEIR_BROKERS,
          exclude: NEED_NO_BROKER,
          // These start brokers and gateways of their own and kill them under load. Most of the time they wait: for a rate that
          // leaves room for a fault in mid-stream, for sessions that end, for brokers that start.
          maxWorkers: 2,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
})
