// NestJS' client over NATS, with headers and validation of the answer.
import 'reflect-metadata'
import { ClientProxyFactory, NatsRecordBuilder, Transport } from '@nestjs/microservices'
import { firstValueFrom } from 'rxjs'
import { schemas } from '../../http/work.mjs'
import { calling } from '../../nats/clients/run.mjs'
import { connectionOf, metadata } from '../../nats/connection.mjs'

const [, , port, width] = process.argv
const { connection, headers } = await connectionOf('@nats-io/transport-node', port)
await connection.close() // it was opened for its `headers`
const options = { servers: [`nats://127.0.0.1:${port}`] }
const client = ClientProxyFactory.create({ transport: Transport.NATS, options })
await client.connect()
calling(Number(width), async input => {
  const sent = headers()
  for (const name in metadata) sent.set(name, metadata[name])
  const record = new NatsRecordBuilder(input).setHeaders(sent).build()
  return schemas.uppercase.response.parse(await firstValueFrom(client.send('uppercase', record)))
})
