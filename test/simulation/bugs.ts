/*
 * Bugs put into the program itself, a line each. The simulation should find every one of them: what it lets pass, it does not test. Each is
 * put into a copy, of the sources in `npm test` and of what is compiled from them otherwise; so `from` has nothing that compiling changes
 * but white space.
 */

export interface Bug {
  readonly name: string;
  /** Below src, without its ending. */
  readonly file: string;
  /** Stands there once, whatever white space is between its words. */
  readonly from: string;
  readonly to: string;
}

const JOURNAL: readonly Bug[] = [
  { name: 'answers without an fsync', file: 'journal/journal', from: 'await this.#file.sync();', to: '' },
  {
    name: 'removes before its mark is durable',
    file: 'journal/forget',
    from: "if (forgetting.at !== 'named') return; await disk.syncDirectory(directory);",
    to: "if (forgetting.at !== 'named') return;",
  },
  {
    name: 'marks once more what is marked',
    file: 'journal/forget',
    from: "forgetting.at = 'named'; } if (forgetting.at !== 'named') return;",
    to: '}',
  },
  {
    name: 'numbers its boots by the clock alone',
    file: 'journal/identity-files',
    from: 'Math.max(seconds, last + 1, newest === undefined ? 0 : bootOf(newest) + 1)',
    to: 'seconds',
  },
  {
    name: 'believes the length of a damaged record',
    file: 'journal/reader',
    from: 'if (record.sequence < this.#nextSequence) continue;',
    to: 'if (record.sequence <= this.#nextSequence && record.sequence > 0) continue;',
  },
];

const INTAKE: readonly Bug[] = [
  {
    name: 'answers what failed',
    file: 'receive/intake',
    from: "if (written.kind === 'failed') return",
    to: "if (written.kind === 'never') return",
  },
  {
    name: 'lets a stream go on while its record is in doubt',
    file: 'receive/intake',
    from: 'if (request.batch !== undefined) await this.#rebuilt(',
    to: 'if (request.batch === null) await this.#rebuilt(',
  },
  {
    name: 'forgets to release bytes in flight',
    file: 'receive/intake',
    from: 'this.#hold(holder, -bytes);',
    to: '',
  },
  {
    name: 'lets one request too many in',
    file: 'receive/intake',
    from: 'if (ahead > inflightBytesMax || usualAhead > usualMax)',
    to: 'if (this.#inflightBytes > inflightBytesMax || this.#usualInflightBytes > usualMax)',
  },
  {
    name: 'never frees its quota',
    file: 'receive/retained',
    from: 'this.bytes += bytes -',
    to: 'if (bytes > 0) this.bytes += bytes -',
  },
  {
    name: 'frees its quota at every word that a segment is forgotten',
    file: 'receive/retained',
    from: 'if (bytes === 0) this.#bytesOf.delete(segment);',
    to: 'if (bytes === 0) return;',
  },
  {
    name: 'leaves the journal that it could not open',
    file: 'receive/intake',
    from: "this.#sealer.push({ kind: 'remove', segment });",
    to: 'await removeSegment(disk, directory, segment).catch(() => {});',
  },
  {
    name: 'seals before the marks are saved',
    file: 'receive/sealer',
    from: 'await this.#workshop.marks?.save();',
    to: '',
  },
  {
    name: 'gives up a seal that failed',
    file: 'receive/sealer',
    from: 'if (again === undefined || (this.#stopping',
    to: 'if (again !== null || (this.#stopping',
  },
  {
    name: 'does not cut what was not answered',
    file: 'receive/rebuild',
    from: 'await disk.truncate(path, extent.bytes);',
    to: '',
  },
  {
    name: 'replays a batch without its mark',
    file: 'receive/rebuild',
    from: 'workshop.marks?.note(request.token.stream, request.token.mark);',
    to: '',
  },
  {
    name: 'rebuilds before the marks are saved',
    file: 'receive/rebuild',
    from: 'await workshop.marks?.save();',
    to: '',
  },
  {
    name: 'replays what is sealed',
    file: 'receive/recovery',
    from: 'if ((await disk.size(sealedPath)) !== undefined) {',
    to: 'if ((await disk.size(sealedPath)) === 0) {',
  },
  {
    name: 'starts without its marks',
    file: 'receive/marks',
    from: 'for (const [stream, mark, at] of lines ?? []) {',
    to: 'for (const [stream, mark, at] of (lines ?? []).slice(0, 0)) {',
  },
];

const ONCE: readonly Bug[] = [
  {
    name: 'takes the last batch once more',
    file: 'receive/once',
    from: 'if (done !== undefined) return done;',
    to: "if (done !== undefined && done.kind !== 'success') return done;",
  },
  {
    name: 'takes the rest of a batch with what it holds',
    file: 'receive/once',
    from: 'if (batch.from <= mark) return',
    to: "if (batch.from === '') return",
  },
  {
    name: 'takes a batch beside an earlier one',
    file: 'receive/once',
    from: 'if (held.busy !== undefined) return later',
    to: 'if (held.busy === null) return later',
  },
  { name: 'hands a stream over in the middle of a batch', file: 'receive/once', from: 'await held?.busy;', to: '' },
  {
    name: 'holds what is asked back in the moment of its grant',
    file: 'receive/once',
    from: 'await undefined;',
    to: '',
  },
  {
    name: 'notes the mark of what it refused',
    file: 'receive/once',
    from: "if (outcome.kind === 'success') {",
    to: "if (outcome.kind !== 'invalid') {",
  },
  {
    name: 'does not check the checksum',
    file: 'receive/exporting',
    from: "hop !== undefined && hop.checksum !== '' && hop.checksum !== crc32cText(this.#unpacked)",
    to: "hop !== undefined && hop.checksum === 'none'",
  },
  {
    name: 'grants a stream that another one holds',
    file: 'main/stream-desk',
    from: 'else this.#askBack(stream, entry, entry.holder);',
    to: 'else this.#grantNext(stream, entry);',
  },
  {
    name: 'grants again what it has asked back',
    file: 'main/stream-desk',
    from: 'if (entry.holder === receiver && !entry.isAskedBack) {',
    to: 'if (entry.holder === receiver) {',
  },
  {
    name: 'grants what a dead receiver may have journalled',
    file: 'main/stream-desk',
    from: 'this.#known.delete(receiver);',
    to: 'this.#known.delete(receiver); this.#forgetHolder(receiver);',
  },
  {
    name: 'grants before all receivers have spoken',
    file: 'main/stream-desk',
    from: 'if (this.#known.size < this.#receivers && !this.#allSpoke) return;',
    to: '',
  },
];

const SEND: readonly Bug[] = [
  {
    name: 'forgets before its progress is durable',
    file: 'send/forwarder',
    from: 'await progress.saved(); try',
    to: 'try',
  },
  {
    name: 'takes what it reads at its start for durable',
    file: 'host/json-file',
    from: 'await disk.syncDirectory(path.dirname(file));',
    to: '',
  },
  {
    name: 'forgets when one lane is past',
    file: 'send/forwarder',
    from: 'lanes.some((lane)',
    to: 'lanes.every((lane)',
  },
  {
    name: 'passes over a segment that is not sealed yet',
    file: 'send/forwarder',
    from: 'if (!files.includes(sealedFile(segment))) break;',
    to: 'if (!files.includes(sealedFile(segment))) continue;',
  },
  {
    name: 'takes the end of sending for an acknowledgement',
    file: 'send/delivery',
    from: "if (reply === 'stopped') return { kind: 'stopped' };",
    to: "if (reply === 'stopped') { slot.ok(); return { kind: 'acknowledged', rejected: 0 }; }",
  },
  {
    name: 'gives up what may have been taken',
    file: 'send/delivery',
    from: "if (verdict.kind === 'refused' || (!isUnanswered && !isInDoubt)) {",
    to: 'if (slot !== undefined) {',
  },
  {
    name: 'gives up at the first failure',
    file: 'send/retry',
    from: 'if (tries.retries >= Math.min(policy.retriesMax, LIMITS.retriesMax))',
    to: 'if (tries.retries >= 0)',
  },
  {
    name: 'takes "come again" for a refusal',
    file: 'send/answer',
    from: 'new Set([429, 502, 503, 504])',
    to: 'new Set([429, 502, 504])',
  },
  {
    name: 'counts what rules drop as forwarded',
    file: 'send/batch',
    from: 'items: kept, elsewhere, dropped: items - elsewhere - kept',
    to: 'items, elsewhere, dropped: 0',
  },
  {
    name: 'settles more of an overlap than the receiver holds',
    file: 'send/batch',
    from: 'batch.letters.filter((letter) => letter.position > mark)',
    to: 'batch.letters.filter((letter) => letter.position > mark).slice(1)',
  },
  {
    name: 'sends the first half of a refused batch alone',
    file: 'send/batch',
    from: '{ ...batch, letters: batch.letters.slice(middle) },',
    to: '{ ...batch, letters: batch.letters.slice(0, middle) },',
  },
  {
    name: 'goes to another target with a batch in doubt',
    file: 'send/pool',
    from: "if (verdict.kind !== 'retry') this.#stuck = undefined;",
    to: "if (reply.kind !== 'none') this.#stuck = undefined;",
  },
  {
    name: 'believes after one answer that nothing else is in doubt',
    file: 'send/pool',
    from: 'this.#inherited = pinned;',
    to: 'this.#stuck = pinned;',
  },
  {
    name: 'forgets after a restart which target was sent to',
    file: 'send/pool',
    from: "if (options.failover === 'known' && isAmong(pinned, options.urls)) this.#inherited = pinned;",
    to: '',
  },
];

const STORE: readonly Bug[] = [
  {
    name: 'inserts under another token at every try',
    file: 'store/loader',
    from: 'token: insertToken(sealed, table),',
    to: 'token: insertToken(sealed, table) + this.#failures,',
  },
  {
    name: 'forgets what it is still inserting',
    file: 'store/loader',
    from: 'await this.#insert(load, directory);',
    to: 'void this.#insert(load, directory).catch(() => {});',
  },
  {
    name: 'asks only once for damaged files to be rebuilt',
    file: 'store/loader',
    from: 'if (error instanceof DamagedSegment) onDamaged?.(',
    to: 'if (error instanceof DamagedSegment && load.permanentTries === 0) onDamaged?.(',
  },
  {
    name: 'loads damaged files',
    file: 'store/loader',
    from: 'if (damage !== undefined) throw new DamagedSegment(damage);',
    to: '',
  },
];

/** Streams that move from one receiver of a tier in between to another. */
const ORDER: readonly Bug[] = [
  {
    name: 'does not wait for what another receiver took in before',
    file: 'send/batch',
    from: 'if (first.after.length > 0) await this.#predecessors(first);',
    to: '',
  },
  {
    name: 'merges what must wait with what was before it',
    file: 'send/batch',
    from: 'letter.baggage === first.baggage && letter.after.length === 0 &&',
    to: 'letter.baggage === first.baggage &&',
  },
  {
    name: 'waits for one of several receivers',
    file: 'send/predecessors',
    from: 'if (await this.#isSettled(lane, place)) break;',
    to: 'if (await this.#isSettled(lane, place)) return;',
  },
  {
    name: 'takes what is not sealed yet for gone',
    file: 'send/forwarder',
    from: 'endOf(segment) > settled && segment <= segmentOf(position);',
    to: 'endOf(segment) > settled && segment < segmentOf(position);',
  },
  {
    name: 'does not hear that another lane has come further',
    file: 'send/predecessors',
    from: 'change?.tell();',
    to: '',
  },
  {
    name: 'grants a stream without where its records stand',
    file: 'main/stream-desk',
    from: 'if (at !== undefined && at.position > (entry.places.get(at.receiver) ?? START)) {',
    to: 'if (at === null) {',
  },
  {
    name: 'forgets over a restart where records of a stream stand that were sealed',
    file: 'receive/marks',
    from: 'if (at !== undefined) this.stands(stream, at);',
    to: '',
  },
  {
    name: 'forgets over a restart where records of a stream stand that were not sealed',
    file: 'receive/rebuild',
    from: 'workshop.marks?.stands(request.token.stream, positionOf(segment, record.sequence));',
    to: '',
  },
  {
    name: 'does not say in its first record what was before it',
    file: 'receive/once',
    from: 'after.length === 0 ? request : { ...request, batch: { ...batch, after } }',
    to: 'request',
  },
];

export const BUGS: readonly Bug[] = [...JOURNAL, ...INTAKE, ...ONCE, ...SEND, ...ORDER, ...STORE];

/** A file with a bug in it. Throws unless the place stands there exactly once. */
export function withBug(text: string, { name, from, to }: Bug): string {
  const words = from.split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const place = new RegExp(words.join('\\s+'), 'g');
  const found = text.match(place)?.length ?? 0;
  if (found !== 1) throw new Error(`the bug "${name}" has ${found} places, and must have 1`);
  return text.replace(place, () => to);
}
