// The bare client loop between two brokers: consume, publish in batches, acknowledge after the confirms. No order in retries,
// no dead letters, nothing but the two clients. Arguments: from, to, url of each, the name of both addresses, messages.
import { sources } from './bare-sources.ts'
import { targets } from './bare-targets.ts'
import type { Place } from './options.ts'
import { Meter } from './run.ts'

const [from, to, fromUrl = '', toUrl = '', name = '', count = '0'] = process.argv.slice(2) as [Place, Place]
const meter = new Meter(Number(count))
const publish = await targets[to](toUrl, name)
let done = 0
await sources[from](fromUrl, name, async (batch, acknowledge) => {
  await publish(batch)
  await acknowledge()
  done += batch.length
  const run = meter.look(done)
  if (run === undefined) return
  console.log(JSON.stringify(run))
  process.exit(0)
})
