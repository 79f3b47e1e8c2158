import type { Log } from './ports.ts'

/** Keeps nothing of what it is told. */
export const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} }
