import { expect, test } from 'vitest';
import type { Grant } from '../receive/once.ts';
import type { ChannelMessage } from './channel.ts';
import { StreamDesk } from './stream-desk.ts';

interface Sent {
  readonly to: number;
  readonly message: ChannelMessage;
}

function open(receivers: number): { desk: StreamDesk; sent: Sent[] } {
  const sent: Sent[] = [];
  return { desk: new StreamDesk(receivers, (to, message) => sent.push({ to, message })), sent };
}

const granted = (to: number, mark: string, after: Grant['after'] = []): Sent => ({
  to,
  message: { type: 'granted', stream: 's', mark, after },
});
const surrender = (to: number): Sent => ({ to, message: { type: 'surrender', stream: 's' } });

test('nobody gets a stream before every receiver has said how far it had come', () => {
  const { desk, sent } = open(2);
  desk.take({ type: 'marks', receiver: 0, marks: [{ stream: 's', mark: '1' }] });
  desk.take({ type: 'claim', receiver: 0, stream: 's' });
  expect(sent).toEqual([]);
  desk.take({ type: 'marks', receiver: 1, marks: [{ stream: 's', mark: '2' }] });
  expect(sent).toEqual([granted(0, '2')]);
});

test('a stream passes on only with its position', () => {
  const { desk, sent } = open(2);
  for (const receiver of [0, 1]) desk.take({ type: 'marks', receiver, marks: [] });
  desk.take({ type: 'claim', receiver: 0, stream: 's' });
  desk.take({ type: 'claim', receiver: 1, stream: 's' });
  expect(sent).toEqual([granted(0, ''), surrender(0)]);
  desk.take({ type: 'surrendered', receiver: 0, stream: 's', mark: '7' });
  expect(sent.at(-1)).toEqual(granted(1, '7'));
});

test('what a receiver held that died waits until its successor has read its journal', () => {
  const { desk, sent } = open(2);
  for (const receiver of [0, 1]) desk.take({ type: 'marks', receiver, marks: [] });
  desk.take({ type: 'claim', receiver: 0, stream: 's' });
  desk.died(0);
  desk.take({ type: 'claim', receiver: 1, stream: 's' });
  expect(sent.filter(({ to }) => to === 1)).toEqual([]);
  desk.take({ type: 'marks', receiver: 0, marks: [{ stream: 's', mark: '9' }] });
  expect(sent.at(-1)).toEqual(granted(1, '9'));
});

test('one that asks again for what it is handing over waits its turn', () => {
  const { desk, sent } = open(2);
  for (const receiver of [0, 1]) desk.take({ type: 'marks', receiver, marks: [] });
  desk.take({ type: 'claim', receiver: 0, stream: 's' });
  desk.take({ type: 'claim', receiver: 1, stream: 's' });
  // A batch that is late comes to receiver 0 while it is finishing the one before.
  desk.take({ type: 'claim', receiver: 0, stream: 's' });
  expect(sent).toEqual([granted(0, ''), surrender(0)]);
  desk.take({ type: 'surrendered', receiver: 0, stream: 's', mark: '7' });
  expect(sent.slice(2)).toEqual([granted(1, '7'), surrender(1)]);
  desk.take({ type: 'surrendered', receiver: 1, stream: 's', mark: '8' });
  expect(sent.slice(4)).toEqual([granted(0, '8')]);
});

test('who wanted a stream may die: its holder still hands it over before it has it again', () => {
  const { desk, sent } = open(2);
  for (const receiver of [0, 1]) desk.take({ type: 'marks', receiver, marks: [] });
  desk.take({ type: 'claim', receiver: 0, stream: 's' });
  desk.take({ type: 'claim', receiver: 1, stream: 's' });
  desk.died(1);
  desk.take({ type: 'claim', receiver: 0, stream: 's' });
  expect(sent).toEqual([granted(0, ''), surrender(0)]);
  desk.take({ type: 'surrendered', receiver: 0, stream: 's', mark: '7' });
  expect(sent.slice(2)).toEqual([granted(0, '7')]);
});

test('what one says that does not hold the stream changes nothing', () => {
  const { desk, sent } = open(3);
  for (const receiver of [0, 1, 2]) desk.take({ type: 'marks', receiver, marks: [] });
  desk.take({ type: 'claim', receiver: 0, stream: 's' });
  desk.take({ type: 'claim', receiver: 1, stream: 's' });
  desk.take({ type: 'surrendered', receiver: 2, stream: 's', mark: '9' });
  expect(sent).toEqual([granted(0, ''), surrender(0)]);
});

test('one that asks again for what it holds is told at once, and one that waits is served once', () => {
  const { desk, sent } = open(3);
  for (const receiver of [0, 1, 2]) desk.take({ type: 'marks', receiver, marks: [] });
  desk.take({ type: 'claim', receiver: 0, stream: 's' });
  desk.take({ type: 'claim', receiver: 0, stream: 's' });
  desk.take({ type: 'claim', receiver: 1, stream: 's' });
  desk.take({ type: 'claim', receiver: 1, stream: 's' });
  desk.take({ type: 'claim', receiver: 2, stream: 's' });
  expect(sent).toEqual([granted(0, ''), granted(0, ''), surrender(0)]);
  desk.take({ type: 'surrendered', receiver: 0, stream: 's', mark: '1' });
  expect(sent.slice(3)).toEqual([granted(1, '1'), surrender(1)]);
  desk.take({ type: 'surrendered', receiver: 1, stream: 's', mark: '2' });
  expect(sent.slice(5)).toEqual([granted(2, '2')]);
});

test('one that died while it waited gets nothing', () => {
  const { desk, sent } = open(2);
  for (const receiver of [0, 1]) desk.take({ type: 'marks', receiver, marks: [] });
  desk.take({ type: 'claim', receiver: 0, stream: 's' });
  desk.take({ type: 'claim', receiver: 1, stream: 's' });
  desk.died(1);
  desk.take({ type: 'surrendered', receiver: 0, stream: 's', mark: '1' });
  expect(sent.filter(({ to }) => to === 1)).toEqual([]);
});

test('with a stream comes where its records stand that others took in, after a restart of any of them as well', () => {
  const { desk, sent } = open(3);
  for (const receiver of [0, 1, 2]) desk.take({ type: 'marks', receiver, marks: [] });
  desk.take({ type: 'claim', receiver: 0, stream: 's' });
  desk.take({ type: 'claim', receiver: 1, stream: 's' });
  const first = { receiver: 0, position: 'a1' };
  desk.take({ type: 'surrendered', receiver: 0, stream: 's', mark: '7', at: first });
  expect(sent.at(-1)).toEqual(granted(1, '7', [first]));
  desk.died(1);
  desk.take({ type: 'claim', receiver: 2, stream: 's' });
  const second = { receiver: 1, position: 'b1' };
  desk.take({ type: 'marks', receiver: 1, marks: [{ stream: 's', mark: '8', at: second }] });
  expect(sent.at(-1)).toEqual(granted(2, '8', [first, second]));
  desk.take({ type: 'claim', receiver: 0, stream: 's' });
  desk.take({ type: 'surrendered', receiver: 2, stream: 's', mark: '8' });
  expect(sent.at(-1)).toEqual(granted(0, '8', [second]));
});

test('what stands in the directory of a receiver that no longer runs comes with the stream as well', () => {
  const { desk, sent } = open(1);
  const left = { receiver: 4, position: 'e1' };
  desk.take({ type: 'marks', receiver: 0, marks: [{ stream: 's', mark: '7', at: left }] });
  desk.take({ type: 'claim', receiver: 0, stream: 's' });
  expect(sent).toEqual([granted(0, '7', [left])]);
});
