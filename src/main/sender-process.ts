import path from 'node:path';
import { LIMITS } from '../base/limits.ts';
import { DIRECTORIES } from '../base/names.ts';
import { pause, systemClock } from '../host/clock.ts';
import { nodeDisk } from '../host/node-disk.ts';
import { bearerCheck } from '../receive/auth.ts';
import { readTls } from '../receive/tls.ts';
import { DeadLetters } from '../send/dead.ts';
import { Forwarder } from '../send/forwarder.ts';
import { Progress } from '../send/progress.ts';
import { rewriteRequest } from '../send/rules/rewrite.ts';
import { parseRules, type RuleSet } from '../send/rules/rules.ts';
import { Vitals } from '../vitals/vitals.ts';
import { writePeerReport } from '../wire/peer.ts';
import { openAdmin } from './admin.ts';
import type { Fleet } from './channel.ts';
import { type ChildWork, type ChildWorld, runChild, takePart } from './child.ts';
import { DeadDesk } from './dead-desk.ts';
import { destinationsOf } from './destinations.ts';
import { fleetNode, openFleetView } from './fleet-node.ts';
import { forwardMetrics } from './forward-metrics.ts';
import { tlsOf } from './receiver-process.ts';

/** The sender process of a Clew that forwards: reads what receivers sealed, sends it on, and answers on the admin port. */
export function runSender(): void {
  runChild('sender', beginSender);
}

async function beginSender(world: ChildWorld): Promise<ChildWork> {
  const { start, log, channel } = world;
  const { settings, instance } = start;
  const lock = await takePart(settings.data, 'sender');
  const report = (text: string): void => log.warn(text);
  const { destinations, peers, start: startChecks, stop: stopChecks } = await destinationsOf(settings);
  const progress = new Progress(nodeDisk, systemClock, settings.data, report);
  const dead = new DeadLetters(nodeDisk, path.join(settings.data, DIRECTORIES.dead));
  const rules = rulesOf(settings.rules);
  const forwarder = new Forwarder({
    disk: nodeDisk,
    clock: systemClock,
    chance: Math.random,
    journalDirectory: path.join(settings.data, DIRECTORIES.journal),
    instance,
    destinations,
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
  const node = () => fleetNode(start, vitals, view.nodes(), { forwarder, rules, destinations });
  peers.report = async () => writePeerReport(await node());
  startChecks();
  const tls = tlsOf(settings);
  const admin = await openAdmin({
    host: settings.host,
    port: settings['api.port'],
    tls: tls === undefined ? undefined : await readTls(tls),
    authorize: bearerCheck(start.tokens),
    ready: () => fleet.ready,
    node,
    metricsText: async () => forwardMetrics(await node(), vitals.receivers()),
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
      stopChecks();
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

const hasEffect = ({ rules, keptTraces }: RuleSet): boolean => rules.length > 0 || keptTraces < 1;
