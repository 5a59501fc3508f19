// Tenon's services as a router of an Express app, which is given.
import { router } from 'tenon/transport/http/express'
import { maxBodyBytes } from '../work.mjs'
import { service } from './tenon-service.mjs'

export const users = router([await service('zod')], { maxBodyBytes })
