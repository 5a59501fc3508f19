// What Tenon's servers validate with: any library that speaks Standard Schema will do.
import { schemas } from '../work.mjs'

/** @param {string} library - `zod`, or `arktype`, which compiles its schemas and is the fastest of the kind */
export async function schemasOf(library = 'zod') {
  if (library === 'zod') return schemas
  const { type } = await import('arktype')
  return {
    uppercase: { request: type({ s: 'string <= 10000' }), response: type({ v: 'string' }) },
    user: {
      request: type({ id: 'string <= 40' }),
      response: type({ id: 'string', name: 'string', email: 'string', roles: 'string[]', active: 'boolean' }),
    },
  }
}
