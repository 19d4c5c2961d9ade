import type { Decision } from '../guard/guard.ts';
import type { GuardRules } from '../guard/rules.ts';
import type { GuardDesk } from './guard-desk.ts';
import { ApiError } from './problem.ts';

const NAME_CHARACTERS_MAX = 1000;

/** POST /api/v1/guard/check {"client": "a", "server": "b"} → a decision. */
export async function checkCall(guard: GuardDesk, body: unknown): Promise<Decision> {
  const { client, server } = recordOf(body);
  return guard.check(nameOf('client', client), nameOf('server', server));
}

/** POST /api/v1/guard/rules {…} replaces the rules and answers them. */
export async function setRules(guard: GuardDesk, body: unknown): Promise<ReturnType<GuardDesk['rules']>> {
  await guard.setRules(rulesOf(recordOf(body)));
  return guard.rules();
}

function recordOf(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw bad('', 'the body must be a JSON object');
  return body as Readonly<Record<string, unknown>>;
}

const bad = (parameter: string, detail: string): ApiError => new ApiError(400, 'Bad request', detail, parameter);

function nameOf(field: string, value: unknown): string {
  if (typeof value !== 'string' || value === '' || value.length > NAME_CHARACTERS_MAX) {
    throw bad(field, `${field} must be the name of a service, of at most ${NAME_CHARACTERS_MAX} characters`);
  }
  return value;
}

type Check = (field: string, value: unknown) => void;

const isName: Check = (field, value) => void nameOf(field, value);
const isCount: Check = (field, value) => {
  if (value === null) return;
  if (typeof value !== 'number' || !(value > 0)) throw bad(field, `${field} must be a number above 0`);
};
const listOf =
  (check: Check): Check =>
  (field, value) => {
    if (!Array.isArray(value)) throw bad(field, `${field} must be a list`);
    for (const item of value) check(field, item);
  };
const edge: Check = (field, value) => {
  const { client, server, ...rest } = recordOf(value);
  isName(`${field}.client`, client);
  isName(`${field}.server`, server);
  for (const [name, limit] of Object.entries(rest)) {
    if (name !== 'callsPerMinute' && name !== 'burst') throw bad(field, `${field} has no member ${name}`);
    isCount(`${field}.${name}`, limit);
  }
};

const RULES: Readonly<Record<keyof GuardRules, Check>> = {
  mode: (field, value) => {
    if (value !== 'report' && value !== 'enforce') throw bad(field, 'mode must be report or enforce');
  },
  allow: listOf(edge),
  deny: listOf(edge),
  layers: listOf(listOf(isName)),
  selfCalls: (field, value) => {
    if (typeof value !== 'boolean') throw bad(field, 'selfCalls must be true or false');
  },
  callsPerMinute: isCount,
  burst: isCount,
  rates: listOf(edge),
};

function rulesOf(body: Readonly<Record<string, unknown>>): GuardRules {
  for (const [field, value] of Object.entries(body)) {
    const check = RULES[field as keyof GuardRules];
    if (check === undefined) throw bad(field, `${field} is no rule; there are: ${Object.keys(RULES).join(', ')}`);
    check(field, value);
  }
  return body;
}
