/*
 * Faults put into the specification, a few words each. Every one must be refuted by the model that is named: a theorem that lets one pass
 * says less than it seems to.
 */

export interface Mutant {
  readonly module: string;
  readonly name: string;
  /** The model (theorems.ts) that refutes it. */
  readonly model: string;
  /** Texts of the module that stand there once, and what they become. */
  readonly edits: readonly (readonly [from: string, to: string])[];
}

function mutants(
  module: string,
  model: string,
  rows: readonly (readonly [name: string, ...edits: (readonly [string, string])[]])[],
): Mutant[] {
  return rows.map(([name, ...edits]) => ({ module, name, model, edits }));
}

const REPLAY_LOST = 'seg[s].mode = "lost" /\\ seg[s].dur <= n';
const PROGRESS_INTAKE = '\\/ Seal(s) \\/ Load(s) \\/ Mark(s) \\/ Marked(s) \\/ Remove(s) \\/ Forget(s) \\/ Close(s)';
const PROGRESS_COUNTED = 'Write(s, n) \\/ Sync(s, n) \\/ Replay(s, n) \\/ Files(s, n) \\/ Publish(s, n)';

const INTAKE = mutants('Intake', 'r2', [
  ['answers before the fsync', ['0 < n /\\ n <= seg[s].dur', '0 < n /\\ n <= seg[s].wr']],
  ['answers what is only appended', ['0 < n /\\ n <= seg[s].dur', '0 < n /\\ n <= seg[s].app']],
  ['fsyncs before it writes', ['  /\\ n <= seg[s].wr\n', '  /\\ n <= seg[s].app\n']],
  ['appends to a closed segment', ['seg[s].mode = "open" /\\ n =', 'seg[s].mode \\in {"open", "closed"} /\\ n =']],
  ['reads back fewer than were durable', [REPLAY_LOST, 'seg[s].mode = "lost" /\\ 0 <= n']],
  ['reads back nothing after a failure', ['{"failed", "closed"} /\\ n = seg[s].dur', '{"failed", "closed"} /\\ n = 0']],
  [
    'cuts off what was answered',
    ['[seg EXCEPT ![s].app = seg[s].dur, ![s].wr = seg[s].dur]', '[seg EXCEPT ![s].app = 0]'],
  ],
  ['publishes what the journal does not hold durably', ['n = seg[s].app /\\ n <= seg[s].dur', 'n = seg[s].app']],
  [
    'repairs with other rows',
    [
      "  /\\ n = seg[s].cnt\n  /\\ seg' = [seg EXCEPT ![s].nat = n, ![s].sure",
      "  /\\ seg' = [seg EXCEPT ![s].nat = n, ![s].sure",
    ],
  ],
  ['never repairs', ['    \\/ \\E n \\in 1..R : Repair(s, n)\n\nSpec', '\n\nSpec']],
  ['inserts without a token', ['![s].tak = IF @ = 0 THEN 1 ELSE @', '![s].tak = @ + 1']],
  ['marks before it has loaded', ['{"published", "sealed"} /\\ seg[s].ins > 0', '{"published", "sealed"}']],
  ['removes without a mark', ['\\/ seg[s].man = "marked"', '\\/ seg[s].man \\in {"sealed", "marked"}']],
  ['forgets in a crash what was durable', ['!.mode = "lost",', '!.mode = "lost", !.dur = 0,']],
  ['never closes a segment', [PROGRESS_INTAKE, PROGRESS_INTAKE.replace(' \\/ Close(s)', '')]],
  ['never loads', [PROGRESS_INTAKE, PROGRESS_INTAKE.replace(' \\/ Load(s)', '')]],
  ['never replays', [PROGRESS_COUNTED, PROGRESS_COUNTED.replace(' \\/ Replay(s, n)', '')]],
  ['never publishes', [PROGRESS_COUNTED, PROGRESS_COUNTED.replace(' \\/ Publish(s, n)', '')]],
]);

const FENCE = '             /\\ \\A k \\in Ids(rwal) : Trace(k) = Trace(m) => k < m';
const HEAD_OF_LINE = '(Settled(k) \\/ k \\in Range(bit[b]))';

const SENDER = [
  ...mutants('Sender', 'b221', [
    ['acknowledges before the fsync', ['Poison \\subseteq Ids(Durable)', 'Poison \\subseteq Ids(rwal)']],
    ['does not look for duplicates', ['             /\\ m \\notin Ids(rwal)\n', ''], [FENCE, '             /\\ TRUE']],
    ['takes what is older than its trace', [FENCE, '             /\\ TRUE']],
    ['does not check the checksum', ['  /\\ good\n', '']],
    ['applies without a token', ['IF rwal[aoff + 1].id \\in Ids(store)', 'IF FALSE']],
    [
      'forgets in a crash what has ended',
      ['IF m <= k THEN msg[m] ELSE "PENDING"', 'IF FALSE THEN msg[m] ELSE "PENDING"'],
    ],
    ['tries once too often', ['retry[m] < MaxRetries', 'retry[m] <= MaxRetries']],
    ['gives up at once', ['MayRetry(m) == retry[m] < MaxRetries', 'MayRetry(m) == FALSE']],
    ['overtakes within a trace', [HEAD_OF_LINE, 'TRUE']],
    ['closes with open messages', ['  /\\ \\A m \\in 1..acc : Final(m)\n  /\\ \\A b', '  /\\ \\A b']],
    ['does not release a connection', ['IF @ = "ACTIVE" THEN "IDLE" ELSE @', 'IF @ = "ACTIVE" THEN "ACTIVE" ELSE @']],
    [
      'leaves a batch on a broken connection',
      ["bcn'  = [b \\in Batches |-> IF bcn[b] = c THEN 0 ELSE bcn[b]]", "bcn'  = bcn"],
    ],
    ['loses its journal in a crash', ["rwal' = SubSeq(rwal, 1, k)", "rwal' = <<>>"]],
    ['applies what is not durable', ['/\\ aoff < fs', '/\\ aoff < Len(rwal)']],
    ['puts a message into a batch twice', [' /\\ ~InBatch(m)', '']],
    ['goes on before a giving up is accounted for', ['msg[k] = "ACKED" \\/ out[k] = "DEAD"', 'Final(k)']],
    ['takes for held what the receiver does not hold', ['m <= k => m \\in Ids(Durable)', 'm <= k => TRUE']],
    ['accounts for what is open', ["  /\\ \\A m \\in 1..k : Final(m)\n  /\\ out'", "  /\\ out'"]],
    [
      'sends before it is connected',
      ['/\\ proto = "CONNECTED" /\\ bst[b]', '/\\ bst[b]'],
      ['conn[c] = "IDLE"\n', 'TRUE\n'],
    ],
  ]),
  ...mutants('Sender', 'bm1', [
    ['never opens another connection', ['ConnectOk(c) \\/ Open(c) \\/ Recover(c) \\/', 'ConnectOk(c) \\/']],
    ['never applies', ['  \\/ Apply\n\nNext', '\n\nNext']],
  ]),
  ...mutants('Sender', 'poison', [
    [
      'takes a rejection for success',
      [
        '(IF m \\in Poison THEN "DEAD" ELSE "ACKED")\n                             ELSE msg[m]]',
        '"ACKED"\n                             ELSE msg[m]]',
      ],
    ],
    ['stores what it rejects', ['             /\\ m \\notin Poison\n', '']],
  ]),
];

const REGION_NEW = 'k = Mark(rj[s]) + 1\n';
const CENTRE_NEW = 'k = Mark(cj[s]) + 1\n';

const TIER = mutants('Tier', 'n2', [
  [
    'forgets at the edge before the region is durable',
    ['/\\ k <= rdur[s] /\\ k <= esent[s]', '/\\ k <= Len(rj[s]) /\\ k <= esent[s]'],
  ],
  [
    'forgets at the region before the centre is durable',
    ['/\\ k <= cdur[s] /\\ k <= rsent[s]', '/\\ k <= Len(cj[s]) /\\ k <= rsent[s]'],
  ],
  ['forgets at the edge what was not sent by it', ['/\\ k <= rdur[s] /\\ k <= esent[s]', '/\\ k <= rdur[s]']],
  ['forwards what is not durable', ['k = rsent[s] + 1 /\\ k <= rdur[s]', 'k = rsent[s] + 1 /\\ k <= Len(rj[s])']],
  ['has no mark in the region', [REGION_NEW, 'k <= N\n']],
  ['has no mark at the centre', [CENTRE_NEW, 'k <= N\n']],
  ['takes past a gap', [CENTRE_NEW, 'k > Mark(cj[s])\n'], ['k = rsent[s] + 1', 'k > rsent[s]']],
  ['takes what is at the mark', [REGION_NEW, 'k >= Mark(rj[s])\n']],
  ['leaves items out', ['k = esent[s] + 1', 'k > esent[s]']],
  ['loses its mark in a crash', ["rj' = [s \\in Sources |-> SubSeq(rj[s], 1, keep[s])]", "rj' = Empty"]],
  ['reads back less than was durable', ['dur[s] <= keep[s] /\\ keep', 'keep']],
  ['believes after a crash that all was sent', ["esent' = edone", "esent' = acc"]],
  ['never sends on', ['    \\/ RegionSend(s, k) \\/ CentreTake', '    \\/ CentreTake']],
]);

const ORDER = [
  ...mutants('Order', 'r2', [
    ['does not wait', ['  /\\ Turn(r, i)\n', '']],
    ['waits only until it is sent', ['.after[q] <= done[q]', '.after[q] <= sent[q]']],
    ['waits for all but the last record', ['.after[q] <= done[q]', '.after[q] <= done[q] + 1']],
    ['does not say what was before', ['IF q = r THEN 0 ELSE at[s][q]', 'IF q = r THEN 0 ELSE 0']],
    ['forgets where its records stand', ['THEN Len(j[r]) + 1 ELSE at[s][q]', 'THEN 0 ELSE at[s][q]']],
    ['takes in a stream that another holds', ['hold[s] = r /\\ k', 'k']],
    ['takes past a gap', ['k = mark[s] + 1', 'k > mark[s]']],
    ['settles what the next hop has not taken', ['i <= sent[r] /\\ i <= arr[r]', 'i <= sent[r]']],
    ['takes again what it has taken', ['i = arr[r] + 1 /\\ i <= sent[r]', 'i >= arr[r] /\\ i > 0 /\\ i <= sent[r]']],
    ['sends past a record', ['i = sent[r] + 1', 'i > sent[r]']],
    ['never goes on', ['Send(r, i) \\/ Arrive(r, i) \\/ Settle(r, i)', 'Arrive(r, i) \\/ Settle(r, i)']],
  ]),
  ...mutants('Order', 's2', [
    [
      'waits until nothing is left that others took in',
      ['.after[q] <= done[q]', '.after[q] <= done[q] /\\ (q = r \\/ done[q] = Len(j[q]))'],
    ],
    [
      'names what stands there later',
      [
        'after |-> behind[s]]',
        'after |-> IF behind[s] = Nowhere THEN Nowhere ELSE [q \\in Receivers |-> IF q = r THEN 0 ELSE Len(j[q]) + 1]]',
      ],
    ],
  ]),
];

const TIMED = [
  ...mutants('Window', 'l3', [
    ['remembers one token less', ['IF Len(seen) = W THEN', 'IF Len(seen) = W - 1 THEN']],
    ['does not look whether it knows the token', ['b \\notin Range(seen) /\\ ~busy', '~busy']],
    ['lets a batch live for ever', ['THEN life[b] - 1 ELSE', 'THEN life[b] ELSE']],
    ['applies more in a tick than it says', [' /\\ ~busy', '']],
  ]),
  ...mutants('Flow', 'any', [
    ['does not spend tokens', ["tokens' = tokens - 1", "tokens' = tokens"]],
    ['lets the bucket overflow', ["tokens' = Min(tokens + Rate, Burst)", "tokens' = tokens + Rate"]],
    ['lets the queue grow', ['came < ArriveMax /\\ Kept < QueueMax', 'came < ArriveMax']],
    ['refuses while there is room', ['came < ArriveMax /\\ Kept >= QueueMax', 'came < ArriveMax']],
    [
      'begins without a token',
      ['under < Conns /\\ tokens > 0', 'under < Conns'],
      ["tokens' = tokens - 1", "tokens' = IF tokens = 0 THEN 0 ELSE tokens - 1"],
    ],
    ['begins more at once than it has connections', ['queue > 0 /\\ under < Conns /\\', 'queue > 0 /\\']],
  ]),
  ...mutants('Flow', 'min', [['idles beside a queue', ['~CanBegin /\\ came', 'came']]]),
  ...mutants('Latency', 'q2', [
    ['tries without end', ['phase = "sent" /\\ tries < R', 'phase = "sent"']],
    ['waits for an answer too long', ['phase = "sent" /\\ timer < D', 'phase = "sent" /\\ timer <= D']],
    ['pauses too long', ['phase = "waiting" /\\ timer < B', 'phase = "waiting" /\\ timer <= B']],
    ['idles beside a queue', ['phase = "idle" /\\ ages = <<>>', 'phase = "idle"']],
    [
      'takes too long to write down what it gave up',
      ['phase = "noting" /\\ timer < A', 'phase = "noting" /\\ timer <= A'],
    ],
    ['accepts over its queue', ['Len(ages) < Q', 'Len(ages) <= Q']],
  ]),
];

export const MUTANTS: readonly Mutant[] = [...INTAKE, ...SENDER, ...TIER, ...ORDER, ...TIMED];
