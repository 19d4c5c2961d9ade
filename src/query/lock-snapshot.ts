import type { LockSnapshot, SeenOwner } from '../analysis/lock-book.ts';
import type { LockClaim } from '../analysis/lock-table.ts';
import { LIMITS } from '../base/limits.ts';
import type { LockClaimRequest, LockSnapshotRequest } from './api-locks.ts';
import { ApiError } from './problem.ts';

/** Reads the body of POST /api/v1/locks; what it cannot read is an ApiError that names the place. */
export function readSnapshot(
  body: unknown,
  nowNs: bigint,
): { readonly source: string; readonly snapshot: LockSnapshot } {
  const { source, resources, owners = [] } = fields(body, 'the body') as Partial<LockSnapshotRequest>;
  const holds: LockClaim[] = [];
  const waits: LockClaim[] = [];
  const capacities = new Map<string, number>();
  for (const [i, one] of list(resources, 'resources').entries()) {
    const at = `resources[${i}]`;
    const { resource, capacity = 1, holders = [], waiters = [] } = fields(one, at) as Record<string, unknown>;
    const name = text(resource, `${at}.resource`);
    capacities.set(name, count(capacity, `${at}.capacity`));
    for (const [j, claim] of list(holders, `${at}.holders`).entries()) {
      holds.push(claimOf(claim, name, nowNs, `${at}.holders[${j}]`));
    }
    for (const [j, claim] of list(waiters, `${at}.waiters`).entries()) {
      waits.push(claimOf(claim, name, nowNs, `${at}.waiters[${j}]`));
    }
  }
  if (holds.length + waits.length > LIMITS.lockClaimsMax) throw wrong('resources', `has too many holders and waiters`);
  const about = new Map(list(owners, 'owners').map((one, i) => ownerOf(one, `owners[${i}]`)));
  const snapshot = { timeNs: nowNs, holds, waits, capacities, owners: about };
  return { source: text(source, 'source'), snapshot };
}

/** The body of POST /api/v1/locks that tells a snapshot. */
export function snapshotRequest(
  source: string,
  { holds, waits, capacities, owners }: LockSnapshot,
): LockSnapshotRequest {
  const names = [...new Set([...holds, ...waits].map(({ resource }) => resource))];
  const claims = (list: readonly LockClaim[], name: string): LockClaimRequest[] =>
    list
      .filter(({ resource }) => resource === name)
      .map(({ owner, mode, amount, sinceNs }) => ({ owner, mode, amount, sinceUnixNano: sinceNs.toString() }));
  return {
    source,
    resources: names.map((resource) => ({
      resource,
      capacity: capacities.get(resource) ?? 1,
      holders: claims(holds, resource),
      waiters: claims(waits, resource),
    })),
    owners: [...owners].map(([owner, { startNs, ...about }]) => ({
      owner,
      ...about,
      ...(startNs === undefined ? {} : { startUnixNano: startNs.toString() }),
    })),
  };
}

function claimOf(value: unknown, resource: string, nowNs: bigint, at: string): LockClaim {
  const claim = fields(value, at) as Partial<LockClaimRequest>;
  return {
    owner: text(claim.owner, `${at}.owner`),
    resource,
    mode: text(claim.mode ?? 'exclusive', `${at}.mode`),
    amount: count(claim.amount ?? 1, `${at}.amount`),
    sinceNs: claim.sinceUnixNano === undefined ? nowNs : nanos(claim.sinceUnixNano, `${at}.sinceUnixNano`),
  };
}

function ownerOf(value: unknown, at: string): [string, SeenOwner] {
  const { owner, service = '', doing = '', startUnixNano, ...more } = fields(value, at) as Record<string, unknown>;
  const name = text(owner, `${at}.owner`);
  const { traceId = /^[0-9a-f]{32}$/.test(name) ? name : '', ...numbers } = more;
  const about: Record<string, number | bigint> = {};
  for (const key of ['priority', 'restarts', 'needs']) {
    if (numbers[key] !== undefined) about[key] = Number(numbers[key]);
  }
  if (startUnixNano !== undefined) about['startNs'] = nanos(startUnixNano, `${at}.startUnixNano`);
  const texts = { service: String(service), traceId: String(traceId) };
  return [name, { ...texts, doing: String(doing).slice(0, LIMITS.lockDoingCharsMax), ...about }];
}

function fields(value: unknown, at: string): object {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrong(at, 'must be an object');
  return value;
}

function list(value: unknown, at: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(at, 'must be a list');
  return value;
}

function text(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '') throw wrong(at, 'must be a text');
  return value;
}

function count(value: unknown, at: string): number {
  if (!Number.isInteger(value) || (value as number) < 1) throw wrong(at, 'must be a whole number from 1');
  return value as number;
}

function nanos(value: unknown, at: string): bigint {
  if (typeof value !== 'string' || !/^\d{1,20}$/.test(value)) throw wrong(at, 'must be nanoseconds since 1970 as text');
  return BigInt(value);
}

const wrong = (at: string, what: string): ApiError => new ApiError(400, 'Bad request', `${at} ${what}`, at);
