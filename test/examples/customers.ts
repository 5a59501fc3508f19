/** The shop's users as tests have them: whoever the call says that it is, the customer `ada` where it says nothing. */
import { authenticate, type Scheme } from 'tenon/auth'
import { type User, write } from '../../examples/shop/users.js'

const byName: Scheme<User> = {
  name: 'byName',
  verify({ metadata }) {
    return { principal: { id: metadata.get('who') ?? 'ada', scopes: metadata.get('scopes')?.split(' ') ?? [write] } }
  },
}

export const known = authenticate(byName)
