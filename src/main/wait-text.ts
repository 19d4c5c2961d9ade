import type { PoolRisk } from '../analysis/pools.ts';
import type { DeadlockAnswer, LocksAnswer, PoolsAnswer } from '../query/api-locks.ts';
import type { PathSums, PathTarget } from '../query/api-paths.ts';

/** What the command line prints of critical paths, added up. */
export function sumsText({ traces, totalNano, shares, truncated }: PathSums, rows: number): string {
  const shown = shares.filter(({ kind }) => kind !== 'service').slice(0, rows);
  const lines = shown.map(({ share, p50Nano, p95Nano, savableNano, traces: count, ...target }) =>
    [
      `${(share * 100).toFixed(1).padStart(5)} %`,
      `${count} traces`.padStart(13),
      `p50 ${milliseconds(p50Nano)}`.padEnd(16),
      `p95 ${milliseconds(p95Nano)}`.padEnd(16),
      `saves ${milliseconds(savableNano)}`.padEnd(18),
      targetText(target),
    ].join('  '),
  );
  const head = `${truncated ? 'the newest ' : ''}${traces} traces waited ${milliseconds(totalNano)} in all, for\n`;
  return `${[head.trimEnd(), ...lines].join('\n')}\n`;
}

const milliseconds = (nano: number): string => `${(nano / 1e6).toPrecision(3)} ms`;

function targetText({ kind, service, operation, toService, toOperation }: PathTarget): string {
  if (kind === 'edge') return `${service} → ${toService}: ${toOperation} (network and queue)`;
  return `${service}: ${operation}${kind === 'unobserved' ? ' (a span that did not arrive)' : ''}`;
}

/** … of deadlocks. */
export function locksText({ deadlocks, owners }: LocksAnswer): string {
  if (deadlocks.length === 0) return `no deadlock among ${owners.length} owners of locks\n`;
  return deadlocks.map(deadlockText).join('');
}

function deadlockText(deadlock: DeadlockAnswer): string {
  const { kind, state, members, cycle, victims, frees, order, bystanders, sinceUnixNano, resolvedBy } = deadlock;
  const since = new Date(Number(BigInt(sinceUnixNano) / 1_000_000n)).toISOString();
  const freed = frees.join(', ') || 'nobody else';
  const aborted = `  ${resolvedBy} aborted ${victims.join(', ')}, which freed ${freed}`;
  const plan = resolvedBy === '' ? `  aborting ${victims.join(', ')} frees ${freed}` : aborted;
  const lines = [
    `deadlock (${kind}, ${state}) of ${members.length} since ${since}`,
    ...cycle.map(({ waiter, blocker, resource }) => `  ${waiter} waits for ${resource} of ${blocker}`),
    ...members.flatMap(({ owner, doing }) => (doing === '' ? [] : [`  ${owner} is at: ${doing}`])),
    ...(victims.length > 0 ? [plan] : []),
    ...(order.length > 0 ? [`  nobody has to be aborted: serve ${order.join(', then ')}`] : []),
    ...(bystanders.length > 0 ? [`  only waiting behind it: ${bystanders.join(', ')}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** … of pools. */
export function poolsText({ risks, traces, truncated }: PoolsAnswer): string {
  const seen = `${truncated ? 'the newest ' : ''}${traces} traces`;
  if (risks.length === 0) return `no request came back into a pool that it occupied, in ${seen}\n`;
  return `${risks.map(riskText).join('')}in ${seen}\n`;
}

function riskText({
  verdict,
  pools,
  chain,
  requests,
  peakRequests,
  safeCapacity,
  traceIds,
  ...risk
}: PoolRisk): string {
  const units = pools.map(({ pool, capacity }) => `${pool} (${capacity ?? 'unknown'} units)`).join(' and ');
  const fewest = risk.requestsToDeadlock;
  const sentence = {
    certain: 'one request alone waits for itself for ever',
    possible: `${fewest} requests at once can wait for one another for ever, and ${peakRequests} were there`,
    spare: `${fewest} requests at once could wait for one another for ever; ${peakRequests} were there at most`,
    never: 'what is entered before lets in too few to fill it',
    unknown: `${peakRequests} requests were there at once`,
  }[verdict];
  const enough = safeCapacity === null ? '' : `; ${safeCapacity} units are enough for so many`;
  return `${verdict}: ${units}: ${sentence}${enough}
  ${requests} requests held a unit and asked for another: ${chain.join(' → ')} (for example trace ${traceIds[0]})
`;
}
