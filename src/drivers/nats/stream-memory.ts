/** What one session on a consumer leaves to the next one of the same process. */
export interface StreamMemory {
  /** When the stream was made for which the rest holds: one that was made anew counts from 1 again. */
  created: string | undefined
  /** The server's word that everything up to this sequence is acked; a consumer that was deleted is made anew behind it. */
  floor: number | undefined
  /** Subjects on which the server awaits acks of what the last session held when it lost its connection, oldest first. */
  unsettled: readonly string[]
}

export function emptyMemory(): StreamMemory {
  return { created: undefined, floor: undefined, unsettled: [] }
}
