// NestJS over NATS, with the pipe of its documentation for schemas of zod.
import 'reflect-metadata'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { MessagePattern, Payload, RpcException, Transport } from '@nestjs/microservices'
import { schemas, uppercase } from '../../http/work.mjs'
import { listening } from '../../nats/serving.mjs'

const [, , port] = process.argv

class ZodPipe {
  transform(value) {
    const checked = schemas.uppercase.request.safeParse(value)
    if (!checked.success) throw new RpcException(checked.error.issues[0].message)
    return checked.data
  }
}

// What a decorator does, without its syntax, which plain JavaScript has not.
class Users {
  uppercase(request) {
    return uppercase(request)
  }
}
MessagePattern('uppercase')(Users.prototype, 'uppercase', Object.getOwnPropertyDescriptor(Users.prototype, 'uppercase'))
Payload(new ZodPipe())(Users.prototype, 'uppercase', 0)
Controller()(Users)
class App {}
Module({ controllers: [Users] })(App)

const options = { servers: [`nats://127.0.0.1:${port}`], queue: 'bench' }
const app = await NestFactory.createMicroservice(App, { transport: Transport.NATS, options, logger: false })
await app.listen()
listening('nestjs')
