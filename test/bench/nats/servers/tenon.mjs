// Tenon's server, as `serve` starts it: with all its limits, validation of requests, and deadlines.
import { serve } from 'tenon/lifecycle'
import * as nats from 'tenon/transport/nats'
import { service } from '../../http/servers/tenon-service.mjs'
import { connectionOf } from '../connection.mjs'
import { listening } from '../serving.mjs'

const [, , port, library] = process.argv
const { connection } = await connectionOf(library, port)
await serve([await service('zod')], [nats.server(connection)])
listening('plain')
