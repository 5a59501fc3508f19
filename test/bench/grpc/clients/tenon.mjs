// Tenon's client: the deadline, the headers, validation of the response, failures.
import { callOrThrow, connect } from 'tenon'
import * as grpc from 'tenon/transport/grpc'
import { calling } from '../calling.mjs'
import { deadlineMs, headers, Text } from '../work.mjs'

const [port, inFlight] = process.argv.slice(2).map(Number)
const { uppercase } = connect(Text, grpc.client(`127.0.0.1:${port}`))

calling(inFlight, input => callOrThrow(uppercase, input, { deadlineMs, outgoing: headers }))
