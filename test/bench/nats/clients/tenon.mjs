// Tenon's client on either library: the deadline and its header, two headers more, validation of the answer, failures.
import { callOrThrow, connect } from 'tenon'
import { client } from 'tenon/transport/nats'
import { contractOf } from '../../http/servers/tenon-service.mjs'
import { connectionOf, metadata } from '../connection.mjs'
import { calling } from './run.mjs'

const [, , port, width, library] = process.argv
const { connection } = await connectionOf(library, port)
const { uppercase } = connect(await contractOf('zod'), client(connection))
const { traceparent, authorization } = metadata
const options = { outgoing: { traceparent, authorization } }
calling(Number(width), input => callOrThrow(uppercase, input, options))
