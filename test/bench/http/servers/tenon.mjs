// Tenon's server on node:http, as `serve` starts it: with all its limits, validation of requests, and deadlines.
import { serve } from 'tenon/lifecycle'
import * as http from 'tenon/transport/http'
import { listening } from '../serving.mjs'
import { maxBodyBytes } from '../work.mjs'
import { service } from './tenon-service.mjs'

const running = await serve([await service(process.argv[2])], [http.server({ port: 0, maxBodyBytes })])
listening(Number(new URL(running.addresses[0]).port))
