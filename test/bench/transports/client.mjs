// Calls the service over the transport that its first argument names, so many at a time, and compares each answer with what it must be.
import { callOrThrow, connect } from 'tenon'
import { bindings } from './bindings.mjs'
import { calling } from './talking.mjs'
import { deadlineMs, headers, requests, Text } from './work.mjs'

const [, , transport, at] = process.argv
const { uppercase } = connect(Text, await bindings[transport].client(at))
const options = { deadlineMs, outgoing: headers }

let asked = 0
async function worker(count) {
  for (let i = 0; i < count; i++) {
    const { input, output } = requests[asked++ & 1023]
    const { v } = await callOrThrow(uppercase, input, options)
    if (v !== output.v) throw new Error(`to ${JSON.stringify(input)} came ${v}`)
  }
}

calling(async ({ count, inFlight }) => {
  await Promise.all(Array.from({ length: inFlight }, () => worker(Math.ceil(count / inFlight))))
})
