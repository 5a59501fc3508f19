// A server by hand on either library: headers read, JSON, validation with zod.
import { schemas, uppercase } from '../../http/work.mjs'
import { connectionOf, subject } from '../connection.mjs'
import { listening } from '../serving.mjs'

const [, , port, library] = process.argv
const { connection } = await connectionOf(library, port)
connection.subscribe(subject, {
  queue: 'bench',
  async callback(_, message) {
    const { headers } = message
    const deadline = Date.now() + Number(headers.get('tenon-timeout-ms'))
    const traced = { parent: headers.get('traceparent'), token: headers.get('authorization') }
    const request = schemas.uppercase.request.safeParse(message.json())
    if (!request.success || Date.now() > deadline || traced.token === '') message.respond('{"error":"refused"}')
    else message.respond(JSON.stringify(await uppercase(request.data)))
  },
})
await connection.flush()
listening('plain')
