// Reads a stream over the transport that the first argument names.
import { callOrThrow, connect } from 'tenon'
import { bindings } from '../transports/bindings.mjs'
import { calling } from '../transports/talking.mjs'
import { deadlineMs, headers, Text } from '../transports/work.mjs'
import { read } from './reading.mjs'

const [, , transport, at] = process.argv
const { items } = connect(Text, await bindings[transport].client(at))

calling(async told => {
  const { count, size } = told
  await read(await callOrThrow(items, { count, size }, { deadlineMs, outgoing: headers }), told)
})
