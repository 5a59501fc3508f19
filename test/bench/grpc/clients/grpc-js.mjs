// grpc-js' client as its guide writes one: a deadline, the headers, and what comes back validated.
import grpc from '@grpc/grpc-js'
import { calling } from '../calling.mjs'
import { deadlineMs, headers, schemas, Uppercase } from '../work.mjs'

const [port, inFlight] = process.argv.slice(2).map(Number)
const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
const { path, requestSerialize, responseDeserialize } = Uppercase

calling(
  inFlight,
  input =>
    new Promise((resolve, reject) => {
      const metadata = new grpc.Metadata()
      for (const name in headers) metadata.set(name, headers[name])
      const options = { deadline: Date.now() + deadlineMs }
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        input,
        metadata,
        options,
        (error, answer) => {
          if (error) return reject(error)
          const checked = schemas.response.safeParse(answer)
          if (checked.success) resolve(checked.data)
          else reject(checked.error)
        },
      )
    }),
)
