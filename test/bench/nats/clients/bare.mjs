// `request` of either library, with headers, a timeout and validation of the answer.
import { schemas } from '../../http/work.mjs'
import { connectionOf, metadata, subject } from '../connection.mjs'
import { calling } from './run.mjs'

const [, , port, width, library] = process.argv
const { connection, headers } = await connectionOf(library, port)
calling(Number(width), async input => {
  const sent = headers()
  for (const name in metadata) sent.set(name, metadata[name])
  const answer = await connection.request(subject, JSON.stringify(input), { timeout: 30_000, headers: sent })
  return schemas.uppercase.response.parse(answer.json())
})
