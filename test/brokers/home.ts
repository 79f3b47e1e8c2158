import { join, resolve } from 'node:path'

/** Where downloads, certificates and data live; deleting it (brokers stopped) is always safe. */
export const home = resolve(process.env['SLUICE_BROKERS_DIR'] || join(import.meta.dirname, '../../.brokers'))
