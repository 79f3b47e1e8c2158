// Sluice itself, in a process of its own, with a file written for the run. Arguments: routes file, messages (0 = until it
// is told to stop).
import { compose } from '../../src/app/compose.ts'
import { openTracing } from '../../src/app/tracing.ts'
import { Gateway } from '../../src/engine/gateway.ts'
import { Meter } from './run.ts'

const [file = '', count = '0'] = process.argv.slice(2)
const total = Number(count)
const { config, registry, baseDir, problems } = await compose(file)
if (config === undefined) throw new Error(problems.map(problem => problem.message).join('\n'))
const quiet = () => {}
const say = (_fields: object, message: string) => process.stderr.write(`${message}\n`)
const log = { debug: quiet, info: quiet, warn: say, error: say }
const tracing = await openTracing(process.env, log)
const gateway = new Gateway({ config, registry, baseDir, tracing, log })
gateway.start()
if (total > 0) {
  const meter = new Meter(total)
  setInterval(async () => {
    const run = meter.look(gateway.status[0]?.settled ?? 0)
    if (run === undefined) return
    await gateway.stop(5_000)
    console.log(JSON.stringify(run))
    process.exit(0)
  }, 5)
}
process.on('SIGTERM', async () => {
  await gateway.stop(5_000)
  process.exit(0)
})
