import net from 'node:net';

/** A TCP relay that can cut what goes through it. */
export class CuttingProxy {
  readonly #server: net.Server;
  readonly #pairs = new Set<readonly [net.Socket, net.Socket]>();
  cuts = 0;
  #isDown = false;

  constructor(targetPort: number) {
    this.#server = net.createServer((inner) => {
      if (this.#isDown) {
        inner.destroy();
        return;
      }
      const outer = net.connect(targetPort, '127.0.0.1');
      const pair = [inner, outer] as const;
      this.#pairs.add(pair);
      const end = (): void => {
        this.#pairs.delete(pair);
        inner.destroy();
        outer.destroy();
      };
      for (const socket of pair) socket.on('error', end).on('close', end);
      inner.pipe(outer);
      outer.pipe(inner);
    });
  }

  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as net.AddressInfo).port));
    });
  }

  /** Cuts every connection: at once, or as soon as the next byte of an answer comes, which then is lost. */
  cut(atAnswer: boolean): void {
    this.cuts++;
    for (const [inner, outer] of this.#pairs) {
      if (!atAnswer) inner.destroy();
      else {
        outer.unpipe(inner);
        outer.once('data', () => inner.destroy());
      }
    }
  }

  down(isDown: boolean): void {
    this.#isDown = isDown;
    if (isDown) this.cut(false);
  }

  close(): void {
    this.down(true);
    this.#server.close();
  }
}
