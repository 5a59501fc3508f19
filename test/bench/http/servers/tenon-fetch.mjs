// Tenon's server for fetch runtimes: a function, for whoever has a server.
import { server } from 'tenon/transport/http/fetch'
import { maxBodyBytes } from '../work.mjs'
import { service } from './tenon-service.mjs'

export const fetch = server([await service('zod')], { maxBodyBytes })
