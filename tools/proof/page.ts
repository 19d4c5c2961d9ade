import type { CodeAnswer } from './code-mutants.ts';
import type { Answer, Proof } from './prove.ts';
import { MODELS, WRONGS } from './theorems.ts';

export interface Lemma {
  readonly name: string;
  readonly says: string;
  readonly expected: string;
  readonly result: string;
  readonly premises: string;
  readonly ms: number;
}

/** The theorems by the names that people use for them, and where each is proved. */
const THEOREMS: readonly (readonly [name: string, says: string, where: string])[] = [
  [
    'integrity',
    'What the network corrupts is never acknowledged, journalled or stored.',
    'Sender: Integrity, StoreOk, AckedDurable',
  ],
  [
    'order',
    'Of one trace and source, what is stored is in sequence order; a gap only where a message was given up. Over tiers: none left out, whichever receivers a stream comes through; and no lanes wait for one another in a circle.',
    'Sender: Order, FenceClean; Tier: InOrder; Order: InOrder, NoCircle; lemma marks',
  ],
  [
    'errors',
    'Retries never pass their limit; who is given up was refused, out of retries or too old; every accepted message ends stored or reported.',
    'Sender: RetryBound, DeadWhy, Terminal, LiveFinal; lemmas retry-bound, retry-ends',
  ],
  [
    'throughput',
    'In any window of t ticks at most rate · (t − 1) + burst; at least the minimum, under arrivals and a service that is up.',
    'Flow: Bounded, Average; lemma bucket',
  ],
  [
    'latency',
    'Every accepted message is acknowledged or reported within Q · ((R + 1) · D + R · B + A).',
    'Latency: Within; lemma turn',
  ],
  [
    'no loss',
    'What was answered with success is durable in the journal, in a sealed segment, or in the store, whatever crashes between any two steps.',
    'Intake: NoLoss, AnsweredDurable, JournalThere, RowsThere; Tier: NoLoss; lemma answered',
  ],
  [
    'exactly once',
    'The store takes each segment once, with all that was answered of it; a hop takes each item once; a bounded memory of tokens is enough when no batch outlives it.',
    'Intake: Once, StoreWhole; Sender: WalOnce, StoreOnce; Tier: OnceInRegion; Window: AtMostOnce',
  ],
  [
    'bounded',
    'Queue, pool, batches and retries never pass their limits.',
    'Flow: TypeOK; Sender: TypeOK, BatchFit, PoolFit; Latency: TypeOK',
  ],
  [
    'progress',
    'With weak fairness and bounded faults, everything answered is stored in the end, and everything accepted is delivered.',
    'Intake: LiveStored; Sender: LiveStored, LiveApply; Tier: LiveAll; Order: LiveAll',
  ],
];

/** docs/proof.md; `codes`: what became of the faults in the program; `actions`: of all modules together. */
export function proofPage(
  proof: Proof,
  lemmas: readonly Lemma[],
  codes: readonly CodeAnswer[],
  actions: number,
): string {
  return [
    ...BEGINNING,
    ...modelSection(proof, actions),
    ...lemmaSection(lemmas),
    ...wrongSection(proof),
    ...mutantSection(proof),
    ...codeSection(codes),
    ...ENDING,
  ].join('\n');
}

const BEGINNING = [
  '# Proof',
  '',
  '<!-- Made by `npm run prove -- --full --page`. -->',
  '',
  'What of the protocol is proved, in which form, and by what. The specifications are in `spec/` (TLA+); `spec/README.md` maps their actions',
  'to functions and says what is not modelled. `npm run prove` checks all of it again; a part that takes under a minute runs in `npm test`.',
  'That the running program follows the specification is checked by histories: see the end.',
  '',
  '## Theorems',
  '',
  ...table(['theorem', 'what holds', 'where'], THEOREMS),
  '',
];

function modelSection(proof: Proof, actions: number): string[] {
  const rows = MODELS.map((model) => {
    const question = `${model.module} ${model.name}`;
    const answer = proof.models.find((other) => other.question === question);
    const sizes = Object.entries(model.constants).map(([name, value]) => `${name}=${value}`);
    const name = `${question}${model.full === true ? ' (full)' : ''}`;
    return [name, sizes.join(' '), model.says, String(model.states), answer === undefined ? '–' : seconds(answer)];
  });
  const happen = proof.actions.map(({ question, outcome }) => `${question.replace(' actions', '')} (${outcome})`);
  return [
    '## Models',
    '',
    'Each is searched through as a whole: every state that can be reached at these sizes, with its number pinned, so that a definition that',
    'silently drops out is noticed. `(full)`: not in `npm test`, but in `npm run prove -- --full`.',
    '',
    ...table(['model', 'sizes', 'what it is about', 'states', 'time'], rows),
    '',
    `All ${actions} actions of the modules happen in these graphs: ${happen.join(', ')}.`,
    '',
  ];
}

function lemmaSection(lemmas: readonly Lemma[]): string[] {
  const rows = lemmas.map(({ name, says, result, ms }) => [
    name,
    firstSentence(says),
    result,
    `${(ms / 1000).toFixed(1)} s`,
  ]);
  return [
    '## For all parameters',
    '',
    'A model is searched at one size. These hold at every size: an SMT solver shows that each step keeps an invariant (`spec/lemmas`); without',
    'its goal each is possible, so that none holds for nothing.',
    '',
    ...table(['lemma', 'says', 'solver', 'time'], rows),
    '',
  ];
}

function wrongSection(proof: Proof): string[] {
  const rows = proof.wrongs.map(({ question, states }) => {
    const wrong = WRONGS.find(({ module, statement }) => `${module} ${statement}` === question);
    return [wrong?.usual ?? '', wrong?.why ?? '', question, String(states)];
  });
  return [
    '## What is usually said, and is false',
    '',
    'Each of these is kept as a statement that the checker must refute; were one to hold, the model would be too small to tell.',
    '',
    ...table(['usual statement', 'why not', 'refuted by', 'after states'], rows),
    '',
  ];
}

function mutantSection({ mutants }: Proof): string[] {
  return [
    '## Faults that are noticed',
    '',
    `${mutants.length} faulty specifications, a few words changed in each; every one is refuted.`,
    '',
    ...table(
      ['a specification that …', 'it', 'after states'],
      mutants.map(({ question, outcome, states }) => [question, outcome, String(states)]),
    ),
    '',
  ];
}

function codeSection(codes: readonly CodeAnswer[]): string[] {
  const rows = codes.map(({ mutant, caughtBy }) => [
    `${mutant.file}: ${mutant.name}`,
    `${mutant.test}: ${caughtBy ?? 'not noticed'}`,
  ]);
  return [
    `The program itself: ${codes.length} faults of a line each, put into copies of it; every one is caught by the test that is named for it`,
    'beforehand, and which without the fault passes. 29 more are found by the histories that such a program records, see below, and those of',
    '`test/simulation/bugs.ts` by the simulation.',
    '',
    ...table(['a program of which …', 'is caught by'], rows),
    '',
  ];
}

const ENDING = [
  '## The checker itself',
  '',
  'The model checker (`tla-checker`, pinned) is fast to install and small, but it lets some mistakes pass in silence. What was found is closed:',
  '',
  '- It binds `=>` more tightly than `/\\`; it ignores modules that it does not know, second lists of variables, unknown names and numbers of',
  '  arguments; `~>`, `<>P` and strong fairness are not sound in it. `tools/proof/lint.ts` reads each module with the grammar of the TLA+',
  '  tools and refuses all of that.',
  '- A warning, an unknown kind of error, a reached limit or a missing number fails the check (`src/history/checker.ts`).',
  '- `[]<>P` under weak fairness, the one form of liveness that is used, is compared with a dumb twin on 1,000 random graphs in each test run.',
  '',
  '## Histories',
  '',
  'Receivers, journal and store record their steps (`src/base/history.ts`) when they are asked to: `CLEW_HISTORY=FILE clew`. `clew history',
  'check FILE` follows the file through `spec/Intake.tla` and names the first step that the specification forbids, the state before it, and',
  'what would have been allowed. Senders record the steps of each stream, and `clew history check` follows them through `spec/Sender.tla`.',
  '',
  'Every action of every module happens in histories that were followed (the tests print how often, and fail when one never does):',
  '',
  ...table(
    ['module', 'whose histories', 'in `npm test`', 'more with'],
    [
      [
        'Intake',
        'the simulated intake, with crashes, failing disks and power cuts at random steps; a real Clew under load that is killed with SIGKILL',
        '1,000 and one',
        '`CLEW_HISTORIES`',
      ],
      [
        'Sender',
        'edge, regional and central over a network that loses, cuts and doubles, with crashes of every node and every sender; three real Clews, killed with SIGKILL and cut off',
        '60 and one',
        '`CLEW_STREAM_HISTORIES`',
      ],
      [
        'Tier',
        'the same worlds and the same three Clews, item by item over both hops; in the end all is at the centre',
        '100 and one',
        '`CLEW_TIER_HISTORIES`',
      ],
      [
        'Order',
        'the tier in between of the simulated fleet, with two or three receivers, while connections to and from it break and it is cut off',
        '100',
        '`CLEW_ORDER_HISTORIES`',
      ],
      [
        'Window',
        'what the loader of the simulated fleet has a store do that remembers six tokens, under every fault of the simulation',
        '200',
        '`CLEW_INSERT_HISTORIES`',
      ],
      [
        'Flow, Latency',
        'one lane in virtual ticks: intake with its quota, forwarder, a destination that answers in time and now and then with "come again"',
        '100',
        '`CLEW_LANE_HISTORIES`',
      ],
    ],
  ),
  '',
  'A history that is wrong is refused at the step where it is: drawn ones for each module, real ones with a step left out or told twice, and',
  'those of 29 programs with a bug of one line (`test/histories/bugs.test.ts`), each at the step at which the bug shows.',
  '',
  'What histories do not show is checked by models alone. Flow: the lanes of the histories have no limit set (`send.requestsPerSecondMax`), so',
  '`Rate` and `Burst` are never short in them; the bucket itself is held to the theorem by a test over random asks, and the theorem is one of',
  'model and lemma (and so is that of the minimum, which speaks of a service that is up). Latency: a tick of a history is 100 ms of virtual time; only answers,',
  'pauses and the writing down of what is given up take time there, and a destination that does not answer at all is left out, for then',
  'the program keeps the batch, and no bound holds. Window: ClickHouse does not say whether it applied or passed over an insert, so the',
  'store of these histories is the simulated one (`src/store/engine.contract.test.ts` holds the real one to the same promise).',
  '',
  'What following histories has found so far: that nothing behind a message that is given up is sent before that is written down, which the',
  'model of latency had left out (A); a lane that waited for ever for a request whose connection was closed while it was packed (a fleet whose',
  'processes were killed); a record that was taken for durable because an fsync after one that failed had succeeded (one of 10,000 histories',
  'of the intake); a lane that connected once more after its end (one of 2,000 of the sender).',
  '',
];

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

function seconds({ ms }: Answer): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function firstSentence(text: string): string {
  return /^.*?\.(?= |$)/.exec(text)?.[0] ?? text;
}
