// How a caller that gives up a unary call reaches the one server that works on it. Of a queue group nobody can tell who got a message, and
// to tell all members would cost each of them something for every call that is given up anywhere. So a server that has worked on a call
// for a while says where it listens to it, once; calls that are shorter cost nothing. It says so only to callers that know what it
// means: whoever else asks takes the first message for the answer.
import { type Failure, failureOf } from '../../core/index.js'
import { bodyOf, textIn } from './body.js'
import type { NatsMessage } from './connection.js'
import { cancelFrame, runningFrame } from './frame.js'
import { type Line, ownToken } from './line.js'

/** What is said to a server, where it listens to a call, of a call that is given up. */
export const cancelBody: Uint8Array = bodyOf(cancelFrame)
/** What such a call ends with, at its server. */
export const givenUp: Failure = failureOf('cancelled', 'CANCELLED', 'the caller gave up')

const runningBody = bodyOf(runningFrame)

/** Tells the caller, at `reply`, where `onGivenUp` hears of it. Returns what ends that. */
export function announce(line: Line, reply: string, onGivenUp: () => void): () => void {
  if (reply[reply.lastIndexOf('.') + 1] !== ownToken) return () => {}
  const control = line.register({
    onMessage({ data }) {
      if (data.length === cancelBody.length && textIn(data) === cancelFrame) onGivenUp()
    },
    onLost() {}, // the caller may have a connection of its own, and wait
  })
  line.send(reply, runningBody, { reply: control })
  return () => line.release(control)
}

/** Whether a message is such an announcement: its reply subject is where the server listens. */
export function isAnnouncement({ data }: NatsMessage): boolean {
  return data.length === runningBody.length && runningBody.every((byte, i) => data[i] === byte)
}
