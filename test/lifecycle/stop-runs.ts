/** What is done to services that are being served, and what comes of it: data for stop.test.ts. */
import type { ServeOptions } from 'tenon/lifecycle'
import type { FakeOptions } from './fake-binding.js'

export type Act = 'SIGHUP' | 'SIGUSR2' | 'drain' | 'drain after 3000' | 'close' | 'dispose'

export interface Run {
  readonly name: string
  readonly http?: FakeOptions
  readonly nats?: FakeOptions
  readonly options?: ServeOptions
  readonly acts: readonly (readonly [atMs: number, act: Act])[]
  readonly diary: readonly string[] // after `started`
}

export const started = [
  '0 [listening] http http://here',
  '0 [listening] nats nats://here',
  '0 [started] http://here,nats://here',
]
const drainsAt = (ms: number) => [`${ms} http drains`, `${ms} nats drains`, `${ms} [stopped-accepting] 20000`]
const closedAt = (ms: number) => [`${ms} http closes`, `${ms} nats closes`, `${ms} cache closed`, `${ms} pool closed`]

const endsAt = (ms: number) => [
  `${ms} [drained] http`,
  `${ms} [drained] nats`,
  ...closedAt(ms),
  `${ms} [stopped] false 0`,
]

export const runs: readonly Run[] = [
  {
    name: 'a signal makes it unready, and only after the delay are calls refused',
    acts: [[1_000, 'SIGHUP']],
    diary: ['1000 [draining] 5000 SIGHUP', ...drainsAt(6_000), ...endsAt(6_000)],
  },
  {
    name: 'calls in flight end before anything is closed',
    http: { callsMs: 7_000 },
    nats: { callsMs: 19_000 },
    acts: [[0, 'SIGHUP']],
    diary: [
      '0 [draining] 5000 SIGHUP',
      ...drainsAt(5_000),
      '12000 [drained] http',
      '24000 [drained] nats',
      ...closedAt(24_000),
      '24000 [stopped] false 0',
    ],
  },
  {
    name: 'what does not end within the grace period is cut off',
    http: { drain: 'hangs' },
    nats: { callsMs: 1_000 },
    acts: [[0, 'SIGHUP']],
    diary: [
      '0 [draining] 5000 SIGHUP',
      ...drainsAt(5_000),
      '6000 [drained] nats',
      '25000 [forced] grace http',
      ...closedAt(25_000),
      '25000 [stopped] true 0',
    ],
  },
  {
    name: 'a call that ends late was cut off all the same',
    http: { callsMs: 20_500, close: 'hangs' },
    acts: [[0, 'drain']],
    diary: [
      '0 [draining] 0',
      ...drainsAt(0),
      '0 [drained] nats',
      '20000 [forced] grace http',
      '20000 http closes',
      '20000 nats closes',
      '22000 [close-failed] http not closed after 2000 ms',
      '22000 cache closed',
      '22000 pool closed',
      '22000 [stopped] true 1',
    ],
  },
  {
    name: 'a second signal during the delay forces',
    acts: [
      [0, 'SIGHUP'],
      [2_000, 'SIGUSR2'],
    ],
    diary: ['0 [draining] 5000 SIGHUP', '2000 [forced] signal http,nats', ...closedAt(2_000), '2000 [stopped] true 0'],
  },
  {
    name: 'a second signal during the grace period forces; those that have drained lost nothing',
    http: { drain: 'hangs' },
    acts: [
      [0, 'SIGHUP'],
      [9_000, 'SIGHUP'],
    ],
    diary: [
      '0 [draining] 5000 SIGHUP',
      ...drainsAt(5_000),
      '5000 [drained] nats',
      '9000 [forced] signal http',
      ...closedAt(9_000),
      '9000 [stopped] true 0',
    ],
  },
  {
    name: 'the same signal twice within 200 ms is one: npm hands it on to a child that has it from the terminal already',
    acts: [
      [0, 'SIGHUP'],
      [199, 'SIGHUP'],
    ],
    options: { drainDelayMs: 1_000 },
    diary: ['0 [draining] 1000 SIGHUP', ...drainsAt(1_000), ...endsAt(1_000)],
  },
  {
    name: 'a first signal while draining joins',
    http: { callsMs: 3_000 },
    acts: [
      [0, 'drain'],
      [1_000, 'SIGHUP'],
    ],
    diary: [
      '0 [draining] 0',
      ...drainsAt(0),
      '0 [drained] nats',
      '3000 [drained] http',
      ...closedAt(3_000),
      '3000 [stopped] false 0',
    ],
  },
  {
    name: 'drain waits for no balancer, unless told to',
    acts: [[0, 'drain after 3000']],
    diary: ['0 [draining] 3000', ...drainsAt(3_000), ...endsAt(3_000)],
  },
  {
    name: 'draining twice, and disposing, is draining once',
    http: { callsMs: 2_000 },
    acts: [
      [0, 'dispose'],
      [1_000, 'drain'],
      [30_000, 'drain after 3000'],
      [30_000, 'close'],
      [30_000, 'SIGHUP'],
    ],
    diary: [
      '0 [draining] 0',
      ...drainsAt(0),
      '0 [drained] nats',
      '2000 [drained] http',
      ...closedAt(2_000),
      '2000 [stopped] false 0',
    ],
  },
  {
    name: 'close cuts off at once',
    acts: [[500, 'close']],
    diary: ['500 [draining] 0', '500 [forced] close http,nats', ...closedAt(500), '500 [stopped] true 0'],
  },
  {
    name: 'close ends a drain',
    http: { drain: 'hangs' },
    acts: [
      [0, 'drain'],
      [500, 'close'],
    ],
    diary: [
      '0 [draining] 0',
      ...drainsAt(0),
      '0 [drained] nats',
      '500 [forced] close http',
      ...closedAt(500),
      '500 [stopped] true 0',
    ],
  },
  {
    name: 'a binding that breaks its promises is reported and closed',
    http: { drain: 'throws', close: 'rejects' },
    nats: { drain: 'rejects' },
    acts: [[0, 'drain']],
    diary: [
      '0 [draining] 0',
      '0 http drains',
      '0 [close-failed] http drain threw',
      '0 nats drains',
      '0 [stopped-accepting] 20000',
      '0 [close-failed] nats drain rejected',
      '0 [forced] failure http,nats',
      '0 http closes',
      '0 nats closes',
      '0 [close-failed] http close rejected',
      '0 cache closed',
      '0 pool closed',
      '0 [stopped] true 1',
    ],
  },
]
