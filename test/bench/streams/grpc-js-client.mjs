// A stream read by grpc-js, with a deadline, the headers, and items validated.
import grpc from '@grpc/grpc-js'
import { calling } from '../transports/talking.mjs'
import { deadlineMs, headers, schemas } from '../transports/work.mjs'
import { Items } from './proto.mjs'
import { read } from './reading.mjs'

const client = new grpc.Client(`127.0.0.1:${process.argv.at(-1)}`, grpc.credentials.createInsecure())
const { path, requestSerialize, responseDeserialize } = Items

calling(async told => {
  const { count, size } = told
  const metadata = new grpc.Metadata()
  for (const name in headers) metadata.set(name, headers[name])
  const options = { deadline: Date.now() + deadlineMs }
  const order = { count, size }
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, order, metadata, options)
  await read(call, told, item => schemas.item.parse(item))
})
