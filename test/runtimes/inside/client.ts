// What a page needs to call a service: measured, not run.
import { call, connect, contract, method } from 'tenon'
import { client } from 'tenon/transport/http/fetch'

Object.assign(globalThis, { call, connect, contract, method, client })
