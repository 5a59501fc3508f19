// Tenon's server, as `serve` starts it: with all its limits, health, validation of requests, and deadlines.
import { implement } from 'tenon'
import { serve } from 'tenon/lifecycle'
import * as grpc from 'tenon/transport/grpc'
import { listening } from '../../http/serving.mjs'
import { Text, uppercase } from '../work.mjs'

const running = await serve([implement(Text).handlers({ uppercase })], [grpc.server({ port: 0 })])
listening(Number(new URL(running.addresses[0].replace('grpc:', 'http:')).port))
