/**
 * From this delivery on (`source.attempt`, by the broker's own count) a message may be what stops the process: the engine
 * handles it alone, and a source hands it out alone, so that only the culprit goes on counting.
 */
export const SUSPECT_FROM = 4
