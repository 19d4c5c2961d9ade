/** `clew/guard`: what the package shows. */
export { loadGuard, saveGuard } from './file.ts';
export { type Decision, Guard, type GuardOptions, type GuardState, type Reason } from './guard.ts';
export { GuardDenied, GuardSpanProcessor, guarded, guardedFetch, guardInterceptor } from './hooks.ts';
export type { EdgeRule, GuardRules } from './rules.ts';
