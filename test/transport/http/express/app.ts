/** An app with services in it, listening by itself on a free port for one test. */
import anApp, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express'
import type { AnyService } from 'tenon/contract'
import * as express from 'tenon/transport/http/express'
import { listening } from '../listening.js'

export interface Mounted {
  readonly address: string
  readonly port: number
  readonly app: Express
  /** What Tenon reported. */
  readonly defects: unknown[]
}

export interface MountOptions {
  /** What the app does before. */
  readonly before?: readonly RequestHandler[]
  readonly options?: express.RouterOptions
  /** What the app does after; by default its own 404 and its own answer to errors. */
  readonly after?: (app: Express) => void
}

/** The answers of an app that are not Tenon's. */
export const notFound: RequestHandler = (request, response) =>
  void response.status(404).json({ app: 'not found', url: request.url, original: request.originalUrl })
export const onError: ErrorRequestHandler = (error, _, response, _next) =>
  void response.status(error.status ?? 500).json({ app: error.type ?? String(error) })

/** Services below `/api`. */
export async function mounted(services: readonly AnyService[], given: MountOptions = {}): Promise<Mounted> {
  const { before = [], options = {}, after = app => void app.use(notFound, onError) } = given
  const app = anApp()
  const defects: unknown[] = []
  if (before.length > 0) app.use(...before)
  app.use('/api', express.router(services, { onDefect: thrown => void defects.push(thrown), ...options }))
  after(app)
  const { address, port } = await listening(app)
  return { address: `${address}/api`, port, app, defects }
}
