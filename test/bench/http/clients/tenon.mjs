// Tenon's clients: encoding, the deadline and its header, validation of the response, failures.
import { callOrThrow, connect } from 'tenon'
import { client } from 'tenon/transport/http'
import { client as fetchClient } from 'tenon/transport/http/fetch'
import { contractOf } from '../servers/tenon-service.mjs'
import { calling, connections } from './run.mjs'

const [stack, port, route] = process.argv.slice(2)
const target = `http://127.0.0.1:${port}`
const binding = stack === 'fetch' ? fetchClient(target) : client(target, { stack, maxConnections: connections })
const users = connect(await contractOf('zod'), binding)
const endpoint = route === 'get' ? users.user : users.uppercase

calling(route, input => callOrThrow(endpoint, input))
