// Tenon's server for fetch runtimes, on the server for Node that Hono's users have.
import { serve } from '@hono/node-server'
import { fetch } from '../../http/servers/tenon-fetch.mjs'
import { listening } from '../../http/serving.mjs'

serve({ fetch, port: 0, hostname: '127.0.0.1', serverOptions: { keepAliveTimeout: 65_000 } }, info =>
  listening(info.port),
)
