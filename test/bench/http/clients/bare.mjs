// What one writes without a toolkit: the status checked, the body gathered and parsed. No deadline, no validation, no limit on
// what comes back.
import { Agent, request as nodeRequest } from 'node:http'
import { Pool } from 'undici'
import { calling, connections } from './run.mjs'

const [kind, port, route] = process.argv.slice(2)
const origin = `http://127.0.0.1:${port}`

const written =
  route === 'get'
    ? ({ id }) => ({ method: 'GET', path: `/users/${encodeURIComponent(id)}`, headers: { accept: 'application/json' } })
    : input => ({
        method: 'POST',
        path: '/uppercase',
        headers: { accept: 'application/json', 'content-type': 'application/json' },
        body: JSON.stringify(input),
      })

const parsed = chunks => JSON.parse((chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)).toString())

const kinds = {
  dispatch() {
    const pool = new Pool(origin, { connections })
    return input =>
      new Promise((resolve, reject) => {
        const chunks = []
        let status = 0
        pool.dispatch(written(input), {
          onRequestStart() {},
          onResponseStart(_, statusCode) {
            status = statusCode
          },
          onResponseData(_, chunk) {
            chunks.push(chunk)
          },
          onResponseEnd() {
            if (status === 200) resolve(parsed(chunks))
            else reject(new Error(`status ${status}`))
          },
          onResponseError(_, error) {
            reject(error)
          },
        })
      })
  },
  request() {
    const pool = new Pool(origin, { connections })
    return async input => {
      const { statusCode, body } = await pool.request(written(input))
      if (statusCode !== 200) throw new Error(`status ${statusCode}`)
      return body.json()
    }
  },
  http() {
    const agent = new Agent({ keepAlive: true, maxSockets: connections })
    return input =>
      new Promise((resolve, reject) => {
        const { body, ...options } = written(input)
        const request = nodeRequest({ host: '127.0.0.1', port, agent, ...options }, response => {
          const chunks = []
          response.on('data', chunk => chunks.push(chunk))
          response.on('end', () => {
            if (response.statusCode === 200) resolve(parsed(chunks))
            else reject(new Error(`status ${response.statusCode}`))
          })
          response.on('error', reject)
        })
        request.on('error', reject)
        request.end(body)
      })
  },
  fetch() {
    return async input => {
      const { path, ...init } = written(input)
      const response = await fetch(origin + path, init)
      if (!response.ok) throw new Error(`status ${response.status}`)
      return response.json()
    }
  },
}

calling(route, kinds[kind]())
