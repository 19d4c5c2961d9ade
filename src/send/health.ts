import type { Resources } from '../base/fleet.ts';
import { LIMITS } from '../base/limits.ts';
import { type Average, average, newAverage } from './average.ts';

/*
 * The health of the targets of one destination: pure, time comes in. Two sources tell of a target: checks (availability, response time,
 * the use of resources as the peer reports it), made by the owner every 5 s; and the answers to its requests (error rate).
 *
 *   up ─threshold failed checks→ down ─threshold good checks→ up (starting slowly)
 *   up ─failures in a row, or most of a window→ ejected ─time→ up (starting slowly)
 *
 * Invariants, and who enforces each:
 *   H1  A target is down after exactly `healthThreshold` failed checks in a row, and up again after as many good ones.   `noteCheck`
 *   H2  At most `ejectedShareMax` of a group's targets are ejected at once.                                              `mayEject`
 *   H3  A target that is down or ejected has share 0; every other one of the group in use has at least SHARE_MIN.        `shares`
 *   H4  Groups of a higher number are used only while no target of a lower one is.                                       `shares`
 */

export type Check =
  | { readonly kind: 'passed'; readonly tookMs: number; readonly resources?: Resources | undefined }
  | { readonly kind: 'failed'; readonly reason: string };

export interface TargetHealth {
  /** 0 is used first; a higher group only while every target of the lower ones is out. */
  readonly priority: number;
  readonly condition: 'up' | 'down' | 'ejected';
  /** Checks in a row that contradict the condition: failed ones while up or ejected, good ones while down. */
  readonly contrary: number;
  readonly nextCheckMs: number;
  /** Since when it is up: its share grows from here. Undefined: since ever. */
  readonly startedMs: number | undefined;
  readonly ejectedUntilMs: number;
  readonly ejectionsInRow: number;
  readonly failuresInRow: number;
  /** Of its checks, ms. */
  readonly responseMs: Average;
  /** Of its answers: 1 for a failed one. */
  readonly errorRate: Average;
  readonly resources: Resources | undefined;
  readonly reason: string;
}

/** The smallest share of a target that may be used at all. */
const SHARE_MIN = 0.05;
/** A peer that says it uses more than this of a resource gets a quarter of its share. */
const STRAINED: Resources = { cpu: 0.95, memory: 0.9, disk: 0.95 };
const STRAINED_SHARE = 0.25;
/** Answers before the error rate is believed, and the rate that ejects. */
const ERROR_RATE_ANSWERS_MIN = 20;
const ERROR_RATE_MAX = 0.5;

/** Targets that were not looked at yet: up, each to be checked at once, a little apart. `priorities`: one each. */
export function newHealth(priorities: readonly number[], nowMs: number): readonly TargetHealth[] {
  return priorities.map((priority, index) => ({
    priority,
    condition: 'up',
    contrary: 0,
    nextCheckMs: nowMs + Math.floor((index * LIMITS.healthIntervalMs) / priorities.length),
    startedMs: undefined,
    ejectedUntilMs: 0,
    ejectionsInRow: 0,
    failuresInRow: 0,
    responseMs: newAverage(),
    errorRate: newAverage(),
    resources: undefined,
    reason: '',
  }));
}

/** After targets came or went: `kept` has for each row the row that it had before, -1 for a new one, which starts slowly. */
export function changedHealth(
  health: readonly TargetHealth[],
  kept: readonly number[],
  priorities: readonly number[],
  nowMs: number,
): readonly TargetHealth[] {
  const fresh = newHealth(priorities, nowMs);
  return kept.map((before, row) => {
    const priority = priorities[row] ?? 0;
    const target = health[before];
    return target === undefined ? { ...fresh[row], startedMs: nowMs } : { ...target, priority };
  });
}

/** The rows that are to be checked now, and when to ask again. A check that takes longer than LIMITS.healthTimeoutMs has failed. */
export function dueChecks(
  health: readonly TargetHealth[],
  nowMs: number,
): { readonly rows: readonly number[]; readonly health: readonly TargetHealth[]; readonly nextMs: number } {
  const rows = health.flatMap((target, row) => (target.nextCheckMs <= nowMs ? [row] : []));
  const after = health.map((target) =>
    target.nextCheckMs <= nowMs ? { ...target, nextCheckMs: nowMs + LIMITS.healthIntervalMs } : target,
  );
  const nextMs = Math.min(nowMs + LIMITS.healthIntervalMs, ...after.map(({ nextCheckMs }) => nextCheckMs));
  return { rows, health: after, nextMs };
}

/** The result of a check of one row. */
export function noteCheck(
  health: readonly TargetHealth[],
  row: number,
  check: Check,
  nowMs: number,
): readonly TargetHealth[] {
  const target = health[row];
  const good = check.kind === 'passed' && check.tookMs <= LIMITS.healthTimeoutMs;
  const seen: TargetHealth =
    check.kind === 'passed'
      ? { ...target, responseMs: average(target.responseMs, check.tookMs), resources: check.resources }
      : target;
  if (good === (target.condition !== 'down')) return replaced(health, row, { ...seen, contrary: 0 });
  const contrary = target.contrary + 1;
  if (contrary < LIMITS.healthThreshold) return replaced(health, row, { ...seen, contrary });
  if (good) return replaced(health, row, { ...started(seen, nowMs), ejectionsInRow: 0 });
  const reason = check.kind === 'failed' ? check.reason : `answers in ${Math.round(check.tookMs)} ms`;
  return replaced(health, row, { ...seen, condition: 'down', contrary: 0, reason });
}

/** The answer to a request: `ok` false for what counts against the target (no answer, or one that may be retried), not for a refusal. */
export function noteAnswer(
  health: readonly TargetHealth[],
  row: number,
  ok: boolean,
  nowMs: number,
): readonly TargetHealth[] {
  const target = health[row];
  const noted: TargetHealth = {
    ...target,
    failuresInRow: ok ? 0 : target.failuresInRow + 1,
    errorRate: average(target.errorRate, ok ? 0 : 1),
  };
  if (ok || target.condition !== 'up' || !isOutlier(noted) || !mayEject(health, row))
    return replaced(health, row, noted);
  const ejectionsInRow = target.ejectionsInRow + 1;
  return replaced(health, row, {
    ...noted,
    condition: 'ejected',
    ejectionsInRow,
    ejectedUntilMs: nowMs + Math.min(LIMITS.ejectMsMax, LIMITS.ejectMsMin * ejectionsInRow),
    reason: `${noted.failuresInRow} requests in a row failed`,
  });
}

/** Lets ejected targets whose time is over come back. */
export function readmit(health: readonly TargetHealth[], nowMs: number): readonly TargetHealth[] {
  const due = (target: TargetHealth): boolean => target.condition === 'ejected' && target.ejectedUntilMs <= nowMs;
  return health.some(due) ? health.map((target) => (due(target) ? started(target, nowMs) : target)) : health;
}

/**
 * The part of its load that each target gets, from 0 to 1: what `Targets.share` of the balancers holds. Only the first group with a target
 * that is up gets any. All zero: nothing can be sent now; checks go on.
 */
export function shares(health: readonly TargetHealth[], nowMs: number, into: Float64Array): void {
  let group = Number.POSITIVE_INFINITY;
  for (const { condition, priority } of health) if (condition === 'up' && priority < group) group = priority;
  health.forEach((target, row) => {
    into[row] = target.condition === 'up' && target.priority === group ? share(target, nowMs) : 0;
  });
}

function share({ startedMs, resources }: TargetHealth, nowMs: number): number {
  const age = startedMs === undefined ? 1 : (nowMs - startedMs) / LIMITS.slowStartMs;
  const grown = Math.min(1, Math.max(SHARE_MIN, age));
  return Math.max(SHARE_MIN, isStrained(resources) ? grown * STRAINED_SHARE : grown);
}

function isStrained(resources: Resources | undefined): boolean {
  if (resources === undefined) return false;
  return resources.cpu > STRAINED.cpu || resources.memory > STRAINED.memory || resources.disk > STRAINED.disk;
}

function isOutlier({ failuresInRow, errorRate }: TargetHealth): boolean {
  if (failuresInRow >= LIMITS.ejectAfterFailures) return true;
  return errorRate.count >= ERROR_RATE_ANSWERS_MIN && errorRate.value > ERROR_RATE_MAX;
}

/** Whether one more of the row's group may be ejected (H2). */
function mayEject(health: readonly TargetHealth[], row: number): boolean {
  const group = health.filter(({ priority }) => priority === health[row].priority);
  const ejected = group.filter(({ condition }) => condition === 'ejected').length;
  return ejected + 1 <= group.length * LIMITS.ejectedShareMax;
}

function started(target: TargetHealth, nowMs: number): TargetHealth {
  return {
    ...target,
    condition: 'up',
    contrary: 0,
    startedMs: nowMs,
    failuresInRow: 0,
    errorRate: newAverage(),
    reason: '',
  };
}

function replaced(health: readonly TargetHealth[], row: number, target: TargetHealth): readonly TargetHealth[] {
  return health.map((other, index) => (index === row ? target : other));
}
