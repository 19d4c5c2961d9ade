// One service of the demo's shop: node service.cjs NAME. Ports of all services come in SHOP_PORTS as JSON.
const { startTelemetry } = require('./telemetry.cjs');

const name = process.argv[2];
const telemetry = startTelemetry(name);

const http = require('node:http');
const { context, propagation, SpanStatusCode, trace } = require('@opentelemetry/api');
const { SeverityNumber } = require('@opentelemetry/api-logs');

const ports = JSON.parse(process.env.SHOP_PORTS);
const requests = telemetry.meter.createCounter('shop.requests', {
  unit: '{request}',
  description: 'Requests answered',
});
const duration = telemetry.meter.createHistogram('shop.request.duration', {
  unit: 'ms',
  description: 'Time to answer',
});
telemetry.meter
  .createObservableGauge('process.memory.usage', { unit: 'By', description: 'Resident memory' })
  .addCallback((result) => result.observe(process.memoryUsage().rss));

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const about = (ms) => sleep(ms * (0.5 + Math.random()));

function log(severityText, body, attributes = {}, eventName = undefined) {
  const severityNumber = SeverityNumber[severityText];
  telemetry.logger.emit({ severityNumber, severityText, body, attributes, eventName, context: context.active() });
}

/** Locks of this service by name: those that wait for each, the holder first. */
const locks = new Map();
const LOCK_TIMEOUT_MS = 20_000;

/**
 * Runs with a lock held. What happens to the lock is told by log records when it happens: the span of a request that waits for ever would never
 * be exported. The owner is the trace.
 */
async function withLock(name, run) {
  const tell = (event) => log('INFO', `${event} ${name}`, { 'lock.resource': name }, `lock.${event}`);
  const queue = locks.get(name) ?? [];
  locks.set(name, queue);
  const entry = {};
  queue.push(entry);
  if (queue[0] !== entry) {
    tell('wait');
    const granted = new Promise((resolve) => {
      entry.grant = () => resolve(true);
    });
    if (!(await Promise.race([granted, sleep(LOCK_TIMEOUT_MS * (0.8 + 0.4 * Math.random())).then(() => false)]))) {
      queue.splice(queue.indexOf(entry), 1);
      tell('abandoned');
      throw new Error(`waited too long for ${name}`);
    }
  }
  tell('acquired');
  try {
    await run();
  } finally {
    queue.shift();
    tell('released');
    queue[0]?.grant();
  }
}

/** Asks another service, as any client would; trace context and baggage travel in the headers. */
function ask(service, path) {
  return new Promise((resolve, reject) => {
    const request = http.get({ host: '127.0.0.1', port: ports[service], path }, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode < 400) resolve();
        else reject(new Error(`${service} answered ${response.statusCode}`));
      });
    });
    request.on('error', reject);
  });
}

/** A span of work within the service. */
async function work(operation, ms, attributes = {}) {
  const span = trace.getTracer(name).startSpan(operation, { attributes });
  await about(ms);
  span.end();
}

/** Runs with a customer in the baggage: every service behind this one sees who asks. */
function asCustomer(run) {
  const tier = ['basic', 'plus', 'premium'][Math.floor(Math.random() * 3)];
  const entries = {
    'customer.tier': { value: tier },
    'customer.id': { value: String(Math.floor(Math.random() * 500)) },
  };
  const baggage = propagation.createBaggage(entries);
  return context.with(propagation.setBaggage(context.active(), baggage), run);
}

/**
 * What each service does, by path. catalog → pricing → inventory → catalog is a circle, but no single request goes around it.
 * /recommend is slow; /charge fails for one order in five. /reserve locks a cart, then the stock; /recount the stock, then the cart: together
 * they deadlock until one of them has waited too long.
 */
const SHOP = {
  storefront: {
    '/': () =>
      asCustomer(async () => {
        await Promise.all([ask('catalog', '/products'), ask('recommendations', '/recommend')]);
      }),
    '/checkout': () =>
      asCustomer(async () => {
        log('INFO', 'checkout begins');
        await ask('cart', '/items');
        await ask('payment', '/charge');
        await ask('shipping', '/book');
        log('INFO', 'order complete');
      }),
    '/stock': () => asCustomer(() => ask('inventory', '/restock')),
    '/quote': () => asCustomer(() => ask('pricing', '/quote')),
    '/reserve': () => asCustomer(() => ask('cart', '/reserve')),
    '/recount': () => asCustomer(() => ask('inventory', '/recount')),
  },
  catalog: {
    '/products': async () => {
      await work('SELECT products', 8, { 'db.system.name': 'postgresql', 'db.namespace': 'shop' });
      await ask('pricing', '/prices');
    },
    '/describe': () => work('SELECT descriptions', 5, { 'db.system.name': 'postgresql', 'db.namespace': 'shop' }),
  },
  pricing: {
    '/prices': () => work('price list', 4),
    '/quote': () => ask('inventory', '/level'),
  },
  inventory: {
    '/level': () => work('redis GET', 2, { 'db.system.name': 'redis' }),
    '/restock': () => ask('catalog', '/describe'),
    '/hold': () => withLock('stock:4711', () => about(10)),
    '/recount': () =>
      withLock('stock:4711', async () => {
        await about(300);
        await ask('cart', '/freeze');
      }),
  },
  cart: {
    '/items': async () => {
      await work('redis HGETALL', 3, { 'db.system.name': 'redis' });
      await ask('inventory', '/level');
    },
    '/freeze': () => withLock('cart:8', () => about(10)),
    '/reserve': () =>
      withLock('cart:8', async () => {
        await about(300);
        await ask('inventory', '/hold');
      }),
  },
  payment: {
    '/charge': async () => {
      await work('card network', 60);
      if (Math.random() < 0.2) {
        log('ERROR', 'card declined by the issuer', { 'payment.reason': 'insufficient_funds' });
        throw new Error('card declined');
      }
    },
  },
  shipping: { '/book': () => work('carrier API', 30) },
  recommendations: {
    '/recommend': async () => {
      await work('load model', 15);
      log('WARN', 'feature cache is cold, computing from scratch');
      await work('rank 2000 products', 450, { 'recommendation.candidates': 2000 });
    },
  },
};

const server = http.createServer(async (request, response) => {
  const path = request.url.split('?', 1)[0];
  const run = SHOP[name][path];
  const started = performance.now();
  let status = run === undefined ? 404 : 200;
  try {
    await run?.();
  } catch (error) {
    status = 502;
    const span = trace.getActiveSpan();
    span?.recordException(error);
    span?.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    log('ERROR', `${path} failed: ${error.message}`, { 'exception.message': error.message });
  }
  const attributes = { 'http.route': path, 'http.response.status_code': status };
  requests.add(1, attributes);
  duration.record(performance.now() - started, attributes);
  response.writeHead(status).end();
});
server.listen(ports[name], '127.0.0.1', () => process.send?.('ready'));

// The runner's channel closes when it ends, however it ends: what is still in the batches is sent then.
process.on('disconnect', () => telemetry.shutdown().then(() => process.exit(0)));
process.on('SIGINT', () => undefined);
