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

function log(severityText, body, attributes = {}) {
  const severityNumber = SeverityNumber[severityText];
  telemetry.logger.emit({ severityNumber, severityText, body, attributes, context: context.active() });
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
 * /recommend is slow; /charge fails for one order in five.
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
  },
  cart: {
    '/items': async () => {
      await work('redis HGETALL', 3, { 'db.system.name': 'redis' });
      await ask('inventory', '/level');
    },
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
