// Servers over HTTP: two routes, each the way its users would write them for production, under the same load.
import type { Bench, Contender } from '../bench.js'
import { columns, passes, requests, served } from './measured.js'

const own = (name: string, module: string, ...args: readonly string[]): Contender => ({
  name,
  file: `http/servers/${module}.mjs`,
  args,
})
const peer = (name: string, module: string, ...args: readonly string[]): Contender => ({
  name,
  file: `peers/http/${module}.mjs`,
  args,
})
/** A row that is there because somebody will ask. */
const briefly = (contender: Contender): Contender => ({ ...contender, rounds: 3 })

const byHand = 'node:http by hand, tuned'
const tenon = 'Tenon'
const fastify = 'Fastify 5'
const express = 'Express 5'
const onExpress = 'Tenon on Express 5'

const slow: ReadonlySet<string> = new Set([
  'Koa',
  'Effect 4 platform-node',
  'Moleculer and moleculer-web',
  'oRPC, OpenAPI handler',
  express,
  onExpress,
  'NestJS on Express',
  'tRPC, standalone',
])

export const httpServers: Bench = {
  name: 'http-servers',
  title: 'Servers over HTTP, 64 connections with one request at a time: µs of the server’s CPU time per request',
  contenders: [
    own(byHand, 'by-hand'),
    own(tenon, 'tenon'),
    briefly(own('Tenon, arktype', 'tenon', 'arktype')),
    { ...peer(onExpress, 'tenon-express'), rounds: 6 },
    briefly(peer('Tenon, fetch server on @hono/node-server', 'tenon-fetch')),
    peer(fastify, 'fastify'),
    briefly(peer('Hono on @hono/node-server', 'hono')),
    briefly(peer('NestJS on Fastify', 'nestjs', 'fastify')),
    briefly(peer('Koa', 'koa')),
    briefly(peer('Effect 4 platform-node', 'effect')),
    briefly(peer('Moleculer and moleculer-web', 'moleculer')),
    briefly(peer('oRPC, OpenAPI handler', 'orpc')),
    { ...peer(express, 'express'), rounds: 6 },
    briefly(peer('NestJS on Express', 'nestjs', 'express')),
    briefly(peer('tRPC, standalone', 'trpc')),
  ],
  columns: Object.values(columns),
  passes,
  rounds: 9,
  against: { contender: byHand, column: columns.post },
  targets: Object.values(columns).flatMap(column => [
    { ours: tenon, theirs: byHand, column, atMost: 1.2 },
    { ours: tenon, theirs: fastify, column, atMost: 1 },
    { ours: onExpress, theirs: express, column, atMost: 1.1 },
  ]),
  peers: [
    'fastify',
    'hono',
    '@hono/node-server',
    '@nestjs/core',
    'koa',
    'effect',
    'moleculer',
    'moleculer-web',
    '@orpc/server',
    'express',
    '@trpc/server',
    'zod',
    'arktype',
  ],
  run: (contender, pass) => served(contender, pass, slow.has(contender.name) ? requests.slow : requests.fast),
}
