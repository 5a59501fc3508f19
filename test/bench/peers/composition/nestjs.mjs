// NestJS: interceptors around a method, run by ExternalContextCreator, which is how Nest's own GraphQL and queue packages
// do it; guards and filters are left out. There is no context to replace: layers add to the second argument.
import 'reflect-metadata'
import { Module, UseInterceptors } from '@nestjs/common'
import { ExternalContextCreator, NestFactory } from '@nestjs/core'
import { tap } from 'rxjs'
import { additions, after, before, handler } from '../../composition/work.mjs'

export function layer(index) {
  const addition = additions[index]
  return class {
    intercept(executionContext, next) {
      const [request, context] = executionContext.getArgs()
      const state = before(index, request)
      if (addition !== undefined) Object.assign(context, addition.of(request.n))
      return next.handle().pipe(tap(response => after(state, response)))
    }
  }
}

export async function stack(layers) {
  class Orders {
    get(request, context) {
      return handler(request, context)
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Orders.prototype, 'get')
  if (layers.length > 0) UseInterceptors(...layers)(Orders.prototype, 'get', descriptor)
  class App {}
  Module({ providers: [Orders] })(App)
  const app = await NestFactory.createApplicationContext(App, { logger: false })
  const orders = app.get(Orders)
  const only = { interceptors: true, guards: false, filters: false }
  const run = app
    .get(ExternalContextCreator)
    .create(orders, orders.get, 'get', undefined, undefined, undefined, undefined, only, 'rpc')
  return { invoke: request => run(request, {}) }
}
