import { EngineError } from '../store/engine.ts';
import type { Problem } from './api.ts';

/** An answer that says what is wrong, as RFC 9457 problem details. Thrown by parsers and handlers, caught by the server. */
export class ApiError extends Error {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    title: string,
    detail: string,
    parameter?: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.name = 'ApiError';
    this.headers = headers;
    this.problem = { type: 'about:blank', title, status, detail, ...(parameter === undefined ? {} : { parameter }) };
  }
}

/** A request parameter that is wrong: its name, its value, what is allowed. */
export function badParameter(parameter: string, value: string, allowed: string): ApiError {
  return new ApiError(400, 'Bad request parameter', `${parameter}=${value.slice(0, 200)}: ${allowed}`, parameter);
}

export const notFound = (detail: string): ApiError => new ApiError(404, 'Not found', detail);

/** ClickHouse's codes for a query that was stopped by a limit, and for text that is no query. */
const TIMEOUT_CODES = new Set([159, 160, 209]);
const MEMORY_CODES = new Set([241, 173]);
const SIZE_CODES = new Set([158, 307, 396]);
const READONLY_CODES = new Set([164, 497, 482]);
const SYNTAX_CODES = new Set([6, 42, 43, 44, 46, 47, 53, 60, 62, 63, 81, 117, 179, 184, 215, 386, 552]);

/** What a failed statement means for the client. */
function engineProblem(error: EngineError): ApiError {
  const detail = error.message.slice(0, 2000);
  if (TIMEOUT_CODES.has(error.code)) {
    return new ApiError(504, 'Query took too long', `${detail} — narrow the time range or add a filter`);
  }
  if (MEMORY_CODES.has(error.code)) {
    return new ApiError(
      507,
      'Query needs too much memory',
      `${detail} — narrow the time range, add a filter or select fewer columns`,
    );
  }
  if (SIZE_CODES.has(error.code))
    return new ApiError(413, 'Result is too large', `${detail} — add a LIMIT or aggregate`);
  if (READONLY_CODES.has(error.code)) return new ApiError(403, 'Query is not allowed', detail, 'query');
  if (SYNTAX_CODES.has(error.code)) return new ApiError(400, 'Query is not valid', detail, 'query');
  return new ApiError(500, 'Query failed', detail);
}

/** Any thrown value as a problem. */
export function problemOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof EngineError) return engineProblem(error);
  return new ApiError(500, 'Internal error', error instanceof Error ? error.message : String(error));
}
