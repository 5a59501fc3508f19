// Limits to a rate, which a function is called behind by hand.
import { RateLimiter } from 'limiter'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { handler } from '../../policies/work.mjs'

const policies = {
  'rate-limiter-flexible': () => {
    const limiter = new RateLimiterMemory({ points: 1e9, duration: 1 })
    return async request => {
      await limiter.consume(request.key)
      return handler(request)
    }
  },
  // Has no keys: one limiter for each, in a map that nothing bounds.
  limiter: () => {
    const limiters = new Map()
    return async request => {
      let limiter = limiters.get(request.key)
      if (limiter === undefined) {
        limiter = new RateLimiter({ tokensPerInterval: 1e9, interval: 1_000 })
        limiters.set(request.key, limiter)
      }
      if (!limiter.tryRemoveTokens(1)) throw new Error('limited')
      return handler(request)
    }
  },
}

export function contender(name) {
  return { run: policies[name](), bare: handler }
}
