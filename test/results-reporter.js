import { writeFileSync } from 'node:fs'

/**
 * Writes what came out of a vitest run to the file named by SLUICE_TEST_RESULTS, for run.js: counts, each skipped test
 * with its reason, and each failure with the first line of what it said. An error outside any test (a file that cannot
 * be loaded, a failed hook, a rejection nobody handled) counts as one failure.
 */
export default class ResultsReporter {
  #filter

  onInit(vitest) {
    this.#filter = vitest.config.testNamePattern
  }

  onTestRunEnd(modules, unhandledErrors, reason) {
    const results = { passed: 0, failures: [], skipped: [], reason }
    const fail = (name, error) => results.failures.push({ name, message: firstLine(error) })
    for (const error of unhandledErrors) fail('outside any test', error)
    for (const module of modules) {
      const named = ({ fullName }) => `${module.relativeModuleId} > ${fullName}`
      for (const error of module.errors()) fail(module.relativeModuleId, error)
      for (const suite of module.children.allSuites()) for (const error of suite.errors()) fail(named(suite), error)
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') results.passed++
        else if (result.state === 'failed') fail(named(test), result.errors[0])
        else if (result.state === 'skipped') {
          if (this.#filter && !this.#filter.test(test.fullName)) continue // left out by `-t PATTERN`: no skip
          results.skipped.push({ name: named(test), note: result.note })
        } else fail(named(test), new Error('the run ended before it could'))
      }
    }
    writeFileSync(process.env.SLUICE_TEST_RESULTS, JSON.stringify(results))
  }
}

function firstLine(error) {
  const line = String(error?.message ?? error).split('\n', 1)[0]
  return line.length > 300 ? `${line.slice(0, 300)}…` : line
}
