/**
 * How often something random or large is done: `whole` times in `npm test` and when a file is run by itself, and only the share that
 * `SLUICE_EFFORT` says (more than 0, at most 1) in `npm run check`, which has a minute for everything.
 */
export const effort = (whole: number): number => Math.ceil(whole * Number(process.env['SLUICE_EFFORT'] ?? 1))
