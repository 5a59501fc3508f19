/** The shop's users as tests have them: whoever the call says that it is, `ada` where it says nothing. */
import { authenticate, type Scheme } from 'tenon/auth'
import type { User } from '../../examples/shop/users.js'

const byName: Scheme<User> = {
  name: 'byName',
  verify({ metadata }) {
    return { principal: { id: metadata.get('who') ?? 'ada', scopes: metadata.get('scopes')?.split(' ') ?? [] } }
  },
}

export const known = authenticate(byName)
