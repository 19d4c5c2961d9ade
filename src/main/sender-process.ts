import path from 'node:path';
import { LIMITS } from '../base/limits.ts';
import { DIRECTORIES } from '../base/names.ts';
import { pause, systemClock } from '../host/clock.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { bearerCheck } from '../receive/auth.ts';
import { readTls, type ServerTls } from '../receive/tls.ts';
import { DeadLetters } from '../send/dead.ts';
import { Forwarder, type Routing } from '../send/forwarder.ts';
import { Progress } from '../send/progress.ts';
import { rewriteRequest } from '../send/rules/rewrite.ts';
import { parseRoutes, routeFilter } from '../send/rules/routes.ts';
import { parseRules, type RuleSet } from '../send/rules/rules.ts';
import { TailSampler } from '../send/tail/sampler.ts';
import { parseTailRules } from '../send/tail/tail-rules.ts';
import { Vitals } from '../vitals/vitals.ts';
import { writePeerReport } from '../wire/peer.ts';
import { openAdmin } from './admin.ts';
import type { Fleet } from './channel.ts';
import { type ChildWork, type ChildWorld, runChild, takePart } from './child.ts';
import { DeadDesk } from './dead-desk.ts';
import { destinationsOf, type NamedDestination } from './destinations.ts';
import { fleetNode, openFleetView } from './fleet-node.ts';
import { forwardMetrics } from './forward-metrics.ts';
import { tlsOf } from './receiver-process.ts';
import type { Settings } from './settings.ts';

/** The sender process of a Clew that forwards: reads what receivers sealed, sends it on, and answers on the admin port. */
export function runSender(): void {
  runChild('sender', beginSender);
}

async function beginSender(world: ChildWorld): Promise<ChildWork> {
  const { start, log, channel } = world;
  const { settings, instance } = start;
  const lock = await takePart(settings.data, 'sender');
  const report = (text: string): void => log.warn(text);
  const targets = await destinationsOf(settings, { report });
  const { destinations } = targets;
  const progress = new Progress(nodeDisk, systemClock, settings.data, report);
  const dead = new DeadLetters(nodeDisk, path.join(settings.data, DIRECTORIES.dead));
  const rules = rulesOf(settings.rules);
  const tail = tailOf(settings, report);
  const forwarder = new Forwarder({
    ...{ disk: nodeDisk, clock: systemClock, chance: Math.random },
    journalDirectory: path.join(settings.data, DIRECTORIES.journal),
    instance,
    destinations,
    routing: routingOf(settings, destinations),
    tail,
    rewrite: hasEffect(rules) ? (signal, body) => rewriteRequest(rules, signal, body) : undefined,
    progress,
    dead,
    onForgotten: (receiver, segment) => channel.send({ type: 'forgotten', receiver, segment }),
    report,
  });
  await forwarder.start();
  const vitals = new Vitals(systemClock);
  let fleet: Fleet = { type: 'fleet', ready: false, endpoints: { grpc: '', http: '', api: '' }, receivers: [] };
  const view = await openFleetView(start, report);
  const node = () => fleetNode(start, vitals, view.nodes(), { forwarder, rules, tail: tail.rules, destinations });
  targets.start(async () => writePeerReport(await node()));
  const admin = await openAdmin({
    host: settings.host,
    port: settings['api.port'],
    tls: await serverTls(settings),
    authorize: bearerCheck(start.tokens),
    ready: () => fleet.ready,
    node,
    metricsText: async () => forwardMetrics(await node(), vitals.receivers()),
    balance: targets.balance,
    dead: new DeadDesk({ dead, progress, destinations, instance, report }),
  });
  channel.send({ type: 'ready', role: 'sender', addresses: [`api:${admin.port}`] });
  return {
    take(message) {
      if (message.type === 'fleet') {
        fleet = message;
        vitals.setMembers(message.receivers);
      }
      if (message.type === 'sealed') forwarder.notify();
      if (message.type === 'vitals') vitals.take(message.vitals);
      if (message.type === 'peer') view.take(message.report);
      if (message.type === 'backup') {
        const said = 'a Clew that forwards stores nothing; back up the one that it forwards to';
        channel.send({ type: 'backupDone', id: message.id, ok: false, report: said });
      }
    },
    async stop() {
      // What the receivers sealed at their end is forwarded now if that is quick; else after the next start.
      await Promise.race([
        forwarder.idle(LIMITS.shutdownMsMax),
        pause(systemClock, settings['shutdown.timeout'] * SEND_SHARE),
      ]);
      targets.stop();
      await forwarder.stop();
      await view.close();
      await admin.close();
      await lock.release();
    },
  };
}

/** Of the time for a shutdown, what sending the last segments may take. */
const SEND_SHARE = 0.3;

/** The configuration was checked when it was read. */
function rulesOf(lines: readonly string[]): RuleSet {
  const rules = parseRules(lines);
  if ('problem' in rules) throw new Error(rules.problem);
  return rules;
}

async function serverTls(settings: Settings): Promise<ServerTls | undefined> {
  const tls = tlsOf(settings);
  return tls === undefined ? undefined : readTls(tls);
}

/** Where routes lead; there is one also without any, because some may be in force for what was taken in before. */
function routingOf(settings: Settings, destinations: readonly NamedDestination[]): Routing {
  const entryOf = new Map(destinations.map(({ name, url }) => [name, url]));
  return {
    lines: settings.routes,
    filter(lines, destination) {
      const routes = parseRoutes(lines);
      if ('problem' in routes) throw new Error(routes.problem);
      return routeFilter(routes, entryOf.get(destination) ?? '');
    },
  };
}

function tailOf(settings: Settings, report: (text: string) => void): TailSampler {
  const rules = parseTailRules(settings['sample.keep']);
  if ('problem' in rules) throw new Error(rules.problem);
  return new TailSampler({
    disk: nodeDisk,
    clock: systemClock,
    directory: path.join(settings.data, DIRECTORIES.tail),
    rules,
    waitMs: settings['sample.wait'],
    tracesMax: settings['sample.tracesMax'],
    report,
  });
}

const hasEffect = ({ rules, keptTraces }: RuleSet): boolean => rules.length > 0 || keptTraces < 1;
