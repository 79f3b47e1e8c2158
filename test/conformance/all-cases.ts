import type { Case } from './case.ts'
import { openClose } from './cases/01-open-close.ts'
import { schema } from './cases/02-schema.ts'
import { errors } from './cases/03-errors.ts'
import { fidelity } from './cases/04-fidelity.ts'
import { parallel } from './cases/05-parallel.ts'
import { order } from './cases/06-order.ts'
import { results } from './cases/07-results.ts'
import { unsettled } from './cases/08-unsettled.ts'
import { checkpoint } from './cases/09-checkpoint.ts'
import { release } from './cases/10-release.ts'
import { inFlight } from './cases/11-in-flight.ts'
import { abort } from './cases/12-abort.ts'
import { calm } from './cases/13-calm.ts'
import { closedSink } from './cases/14-closed-sink.ts'
import { groups } from './cases/15-groups.ts'
import { restart } from './cases/16-restart.ts'
import { ackDeadline } from './cases/17-ack-deadline.ts'
import { line } from './cases/18-line.ts'
import { replies } from './cases/19-replies.ts'

export const CASES: readonly Case[] = [
  openClose,
  schema,
  errors,
  fidelity,
  parallel,
  order,
  results,
  unsettled,
  checkpoint,
  release,
  inFlight,
  abort,
  calm,
  closedSink,
  groups,
  restart,
  ackDeadline,
  line,
  replies,
]
