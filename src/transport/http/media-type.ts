// What a request says that its body is, and what it is answered when a method takes something else.
import { notRun } from '../wire-headers.js'
import { type HttpRequest, type HttpResponse, headerOf } from './message.js'
import { problemResponse } from './problem.js'

/** The media type of a body, without parameters; undefined where the message does not say. */
export function mediaType({ headers }: Pick<HttpRequest, 'headers'>): string | undefined {
  const type = headerOf(headers, 'content-type')
  return type === 'application/json' ? type : type?.split(';', 1)[0]?.trim().toLowerCase() // most are just that
}

/** Whether a body of this type is JSON. */
export function isJson(type: string | undefined): boolean {
  return type === 'application/json' || (type?.startsWith('application/') === true && type.endsWith('+json'))
}

/** 415, with what is wanted. */
export function wrongMediaType(request: HttpRequest, wanted: string): HttpResponse {
  const got = headerOf(request.headers, 'content-type')
  const message = `the content type must be ${wanted}${got === undefined ? ', and none is given' : `, not ${got.slice(0, 60)}`}`
  return problemResponse(notRun('invalid_argument', 'UNSUPPORTED_MEDIA_TYPE', message))
}
