// A question to JetStream itself, and its answer.
import type { Clock } from '../../core/index.js'
import { parseJson } from '../json.js'
import { emptyBody, textIn } from './body.js'
import type { SentHeaders } from './headers.js'
import { fieldsOf } from './json-fields.js'
import type { Line } from './line.js'

const timeoutMs = 5_000

/** What is asked. */
export interface JetStreamQuestion {
  readonly subject: string
  readonly body?: Uint8Array
  readonly headers?: SentHeaders
}

/** The answer. Rejects, saying why, with an `Error` where it says that something is wrong, or none comes in 5 s. The line is in use. */
export async function jetStreamRequest(line: Line, question: JetStreamQuestion, clock: Clock): Promise<unknown> {
  const { subject, body = emptyBody, headers } = question
  let reply = ''
  let cancel = (): void => {}
  try {
    return await new Promise((resolve, reject) => {
      const fail = (why: string): void => reject(new Error(`nats: ${subject}: ${why}`))
      const timer = clock.setTimer(() => fail(`no answer in ${timeoutMs} ms`), timeoutMs)
      cancel = () => timer.cancel()
      reply = line.register({
        onMessage(message) {
          if (message.headers?.code === 503) {
            fail('there is no stream, or no JetStream, for it')
            return
          }
          const answer = jsonIn(message.data)
          const { error } = fieldsOf(answer)
          if (error !== undefined) fail(String(fieldsOf(error)['description']))
          else if (answer === undefined) fail('the answer is no JSON')
          else resolve(answer)
        },
        onLost: fail,
      })
      const unsent = line.send(subject, body, { reply, ...(headers !== undefined && { headers }) })
      if (unsent !== undefined) fail(unsent.message)
    })
  } finally {
    cancel()
    line.release(reply)
  }
}

function jsonIn(data: Uint8Array): unknown {
  try {
    return parseJson(textIn(data))
  } catch {
    return undefined
  }
}
