import type { Finding } from '../../src/core/finding.ts'
import type { Connection, EndpointContext } from '../../src/core/ports.ts'

/** What `sluice doctor` would hear of one end, a line per finding: `level subject: message`. */
export async function findings(
  lab: { readonly connection: Connection; readonly signal: AbortSignal; context(changes: object): EndpointContext },
  part: 'source' | 'sink',
  options: object,
): Promise<readonly string[]> {
  const { findings: found } = await lab.connection.examine!(part, options, lab.context({}), lab.signal)
  return found.map(line)
}

const line = ({ level, subject, message }: Finding): string => `${level} ${subject}: ${message}`
