// NestJS on either of its adapters, with the pipe of its documentation for schemas of zod.
import 'reflect-metadata'
import { BadRequestException, Body, Controller, Get, HttpCode, Module, Param, Post } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { listening } from '../../http/serving.mjs'
import { maxBodyBytes, schemas, uppercase, user } from '../../http/work.mjs'

class ZodPipe {
  constructor(schema) {
    this.schema = schema
  }
  transform(value) {
    const checked = this.schema.safeParse(value)
    if (!checked.success) throw new BadRequestException(checked.error.issues[0].message)
    return checked.data
  }
}

// What a decorator does, without its syntax, which plain JavaScript has not.
class Users {
  uppercase(body) {
    return uppercase(body)
  }
  user(params) {
    return user(params)
  }
}
const decorate = (name, ...decorators) => {
  const descriptor = Object.getOwnPropertyDescriptor(Users.prototype, name)
  for (const decorator of decorators) decorator(Users.prototype, name, descriptor)
}
decorate('uppercase', Post('uppercase'), HttpCode(200))
Body(new ZodPipe(schemas.uppercase.request))(Users.prototype, 'uppercase', 0)
decorate('user', Get('users/:id'))
Param(new ZodPipe(schemas.user.request))(Users.prototype, 'user', 0)
Controller()(Users)
class App {}
Module({ controllers: [Users] })(App)

const app = await create(process.argv[2])
await app.listen(0, '127.0.0.1')
listening(app.getHttpServer().address().port)

async function create(adapter) {
  if (adapter === 'fastify') {
    const { FastifyAdapter } = await import('@nestjs/platform-fastify')
    return NestFactory.create(App, new FastifyAdapter({ bodyLimit: maxBodyBytes }), { logger: false })
  }
  const app = await NestFactory.create(App, { logger: false, bodyParser: false })
  app.useBodyParser('json', { limit: maxBodyBytes })
  app.set('etag', false)
  app.disable('x-powered-by')
  return app
}
