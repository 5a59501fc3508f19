// Tenon's services in an Express app.
import { createServer } from 'node:http'
import express from 'express'
import { users } from '../../http/servers/tenon-express.mjs'
import { listen } from '../../http/serving.mjs'

const app = express()
app.disable('x-powered-by')
app.disable('etag')
app.use(users)

listen(createServer({ keepAliveTimeout: 65_000 }, app))
