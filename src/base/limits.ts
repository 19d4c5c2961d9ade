import { assert } from './assert.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/**
 * Every limit of Clew in one place, each with its consequence. A value that an operator may change is the default of the
 * configuration key that carries its name (see clew.schema.json); the others are fixed. Whoever adds a buffer adds its limit here.
 */
export const LIMITS = {
  /** OTLP request size, on the wire and again after decompression. Over it: HTTP 413, gRPC RESOURCE_EXHAUSTED without RetryInfo. */
  requestBytesMax: 64 * MIB,
  /** OTLP answer size. A longer partial-success message is shortened to fit (checklist 12, 32). */
  responseBytesMax: 4 * MIB,
  /** Characters of the `error_message` of a partial success: enough for the reason, not a copy of the request. */
  errorMessageCharsMax: 1024,
  /** Bytes of all request headers together. Over it: HTTP 431, gRPC stream refused. */
  headerBytesMax: 32 * KIB,
  /** Invalid items of one request that are counted and left out (partial success). More: the whole request is invalid. */
  rejectedItemsMax: 100_000,
  /** Bytes of the W3C `baggage` header that are kept (the W3C limit is 8192). Over it: the header is cut at the last whole member. */
  baggageBytesMax: 8 * KIB,
  /** Open connections on one door of one receiver. Over it: new ones are closed at once and counted. */
  connectionsMax: 16_384,
  /** Concurrent HTTP/2 streams on one connection. */
  streamsPerConnectionMax: 256,
  /** Time a client may take to send one whole request. Over it: HTTP 408, gRPC DEADLINE_EXCEEDED. */
  requestTimeoutMs: 30_000,
  /** A request that has been arriving for longer is refused when others need the memory that is reserved for it: 503 / UNAVAILABLE. */
  slowRequestMs: 2_000,
  /** Idle keep-alive connections are closed after this. */
  idleTimeoutMs: 120_000,
  /** Bytes of requests being received, decompressed, or waiting for their fsync in one receiver. Over it: 503 / UNAVAILABLE. */
  inflightBytesMax: 72 * MIB,
  /** The same for requests that hold at most usualRequestBytesMax: what hundreds of connections need at once, and a small part of what the largest needs. */
  inflightUsualBytesMax: 8 * MIB,
  usualRequestBytesMax: 4 * MIB,
  /**
   * Part of the journal quota that is kept for connections that took no more than their share lately. Over the rest: 503 / UNAVAILABLE for
   * those that took more.
   */
  fairReserveShare: 0.125,
  /**
   * MiB of each half of the young objects of a receiver (a flag of V8; three times as much is held). What a request makes dies with it:
   * more room would only let what nobody needs any more wait longer to be given back. (8 would save 3 µs of 60 a small request, and take 8 MiB
   * under overload.)
   */
  receiverYoungMiBMax: 4,
  /** The same of the processes of a Clew that forwards: they only pass requests on, whose objects die at once (bench/cutoff-main.ts). */
  forwardYoungMiBMax: 2,
  /** Bytes of buffers that a receiver has let go before they are looked for. */
  receiverGarbageBytesMax: 3 * MIB,
  /** Bytes of emptied request bodies that a receiver keeps for the next ones. */
  bodyPoolBytesMax: 4 * MIB,
  /** How long requests wait, in its memory, for a receiver that has filled a segment before the one before it is sealed. Then: 503 / UNAVAILABLE. */
  segmentWaitMsMax: 500,
  /** What an overloaded receiver tells its clients to wait. */
  retryAfterMs: 1_000,
  /** Nesting of AnyValue (arrays and key-value lists) and of JSON. Deeper: the request is invalid. */
  nestingDepthMax: 64,
  /**
   * Bytes by which one request may make the columns grow; and likewise of what its rows will repeat of resource, scope and metric when
   * they are written. Over it: the request is invalid, because a few megabytes would otherwise become gigabytes.
   */
  requestUnpackedBytesMax: 512 * MIB,

  /** A segment is sealed when it is this old, … */
  segmentAgeMsMax: 1_000,
  /** … or its journal has this many bytes, … */
  segmentBytesMax: 20 * MIB,
  /** … or it holds this many items (spans, log records, data points), … */
  segmentItemsMax: 100_000,
  /** … or its rows take this much memory in their columns (of a journal of 20 MiB, 16 to 22 with usual spans and 24 with logs), … */
  segmentColumnBytesMax: 32 * MIB,
  /** … or their resources and scopes do: less than one with thousands of them, and all there is when a client never sends the same one twice, … */
  segmentSharedBytesMax: 8 * MIB,
  /** … or will repeat so much of resource, scope and metric when they are written. */
  segmentRepeatedBytesMax: 192 * MIB,
  /** Keys of a map column that the manifest of a segment names, and their bytes. With more, searches look for every key in that place from then on. */
  segmentKeysMax: 500,
  segmentKeyBytesMax: 16 * KIB,
  /** The same of a column of a table, over all segments. */
  storeKeysMax: 5_000,
  storeKeyBytesMax: 256 * KIB,
  /** Memory that the columns of a segment keep for the next one. Over it: all of it is given back. */
  segmentKeptBytesMax: 48 * MIB,
  /** While more sealed segments than this wait for the store … */
  segmentsBehindMax: 32,
  /** … a segment may get this old, so that a long outage of the store leaves large files and not many. */
  segmentAgeMsBehindMax: 10_000,
  /** Bytes of one journal record: the largest request plus its header. */
  journalRecordBytesMax: 64 * MIB + 64 * KIB,
  /** Bytes that the journals of all receivers together may occupy while the store is behind. Over it: 503 / UNAVAILABLE. */
  journalBytesMax: 4 * GIB,
  /** Free bytes that the journal leaves on its file system. Under it: 503 / UNAVAILABLE. */
  diskFreeBytesMin: 256 * MIB,
  /** A disk that failed is tried again after this: a new segment is opened, a failed seal repeated. */
  diskRetryMs: 1_000,
  /** Places of damage that a receiver keeps to show. Older ones remain in its log. */
  damagedPlacesMax: 20,
  /** Sealed segments loaded into the store at the same time, on machines with few cores and with many (parallelism.ts). */
  loadsInParallel: 2,
  loadsInParallelMax: 16,
  /** Insert tokens that the store remembers a table: above the largest number of segments in flight when it crashed. */
  deduplicationWindow: 10_000,
  /** Statements that the embedded engine runs at once besides loads; more wait in order. */
  queriesInParallel: 4,
  /** Threads of the store process for its file system, besides one for each running statement. */
  storeFileThreads: 6,
  /** Memory of the embedded engine. Over it: the statement that asks for more fails (code 241), a load is tried again. */
  storeMemoryBytesMax: 3 * GIB,
  /** Each of the engine's caches of marks and primary keys. */
  storeCacheBytesMax: 64 * MIB,
  /** Filters of parts, kept unpacked: 5 bytes a span. Without it each search unpacks all of them (2 M spans: 7 of its 11 ms before it reads a row). */
  storeFilterCacheBytesMax: 128 * MIB,
  /** Background threads of the embedded engine, on machines with few cores and with many: merges must leave cores to receiving and querying. */
  storeMergesInParallel: 2,
  storeMergesInParallelMax: 8,
  /** The store looks through the journal directories this often, in case a message about a sealed segment was lost. */
  loadRescanMs: 5_000,
  /** A segment that failed to load is tried again after this, doubled each time up to loadRetryMsMax. */
  loadRetryMsMin: 250,
  loadRetryMsMax: 30_000,
  /** Tries of a segment whose files cannot be what they should be. After them it is set aside as `.damaged` and reported. */
  loadTriesMax: 8,
  /** Retention is applied at the start and then this often. */
  retentionIntervalMs: 600_000,

  /** Sends of one message after the first one, whatever is configured (2^8). Then it is given up and kept as a dead letter. */
  retriesMax: 256,
  /** The first retry of a message or a connection waits about this long, each further one twice as long, … */
  retryDelayMsMin: 200,
  /** … up to this. */
  retryDelayMsMax: 30_000,
  /** What a server may ask a sender to wait (RetryInfo, Retry-After). More counts as this. */
  serverDelayMsMax: 3_600_000,
  /** Items of one batch on its way out (2^16). Over it: the batch is sent and another begun. */
  batchItemsMax: 65_536,
  /** Connections of one sender to all its targets (2^16). Over it: requests wait for a free one. */
  pooledConnectionsMax: 65_536,
  /** Any time that a sender waits for (less than 2^32 ms). Longer ones are refused when the configuration is read. */
  sendTimeoutMsMax: 2 ** 32 - 1,
  /** Targets of one destination. Over it: the configuration is refused. */
  targetsMax: 1_024,
  /** Load of a target by consistent hash, as a multiple of the mean. Over it: its traces go to the next target on their list. */
  balanceLoadFactor: 1.25,
  /** Each target is asked for its health this often … */
  healthIntervalMs: 5_000,
  /** … and counts as not answering after this. */
  healthTimeoutMs: 2_000,
  /** Checks in a row that fail before a target is down, and that succeed before it is up again. */
  healthThreshold: 3,
  /** A target that comes back gets its share of the load little by little over this time. */
  slowStartMs: 30_000,
  /** Failed requests in a row after which a target is ejected although its checks succeed. */
  ejectAfterFailures: 5,
  /** A target is ejected for this long, times the ejections in a row … */
  ejectMsMin: 30_000,
  /** … up to this. */
  ejectMsMax: 300_000,
  /** Part of the targets of a group that may be ejected at once: outliers are few, or else it is not the targets. */
  ejectedShareMax: 0.5,
  /** Names of targets are looked up this often … */
  resolveMs: 30_000,
  /** … an address is no longer a target after so many looks in a row that do not find it … */
  addressMissesMax: 3,
  /** … and a batch that may have been taken there goes elsewhere after this. */
  addressGoneMs: 300_000,
  /** Addresses of one name. Over it: the rest are no targets. */
  addressesMax: 256,

  /** Streams of other Clews whose position a receiver remembers. Over it: batches of further streams are told to wait. */
  streamsMax: 65_536,
  /** Sources that a node of a fleet shows; the oldest beyond them are left out. */
  sourcesShownMax: 1_000,
  /** What a Clew tells its next hop of itself and of those behind it. Over it: those that were heard of longest ago are left out; a larger one is refused. */
  peerBytesMax: 2 * MIB,
  /** Clews of a fleet that one of them knows. Over it: further ones are not shown. */
  fleetNodesMax: 1_000,
  /** Destinations of one Clew in such a report. Over it: the report is refused. */
  peerHopsMax: 64,
  /** A text in it. Longer ones are cut. */
  peerTextCharsMax: 300,
  /** Reasons and encodings in it. */
  peerReasonsMax: 64,
  /** A Clew that has not told of itself for this long is shown as silent: three reports are missing. */
  peerSilentMs: 15_000,
  /** A Clew that has been silent for this long is no longer part of the fleet. */
  peerForgottenMs: 7 * 24 * 3_600_000,
  /** A receiver that knows no such reports is asked again after this. */
  peerAgainMs: 60_000,
  /** The known fleet is written to disk at most this often. */
  fleetSaveMs: 10_000,
  /** How long a batch waits for the receiver that holds its stream to hand it over. Over it: 503 / UNAVAILABLE. */
  streamClaimMsMax: 5_000,
  /** A batch that is forwarded: records are merged up to this many bytes before packing, and batchItemsMax. One record may be larger. */
  forwardBatchBytesMax: 4 * MIB,
  /** How long the answer to a forwarded batch may take. Over it: it is sent again. */
  forwardTimeoutMs: 30_000,
  /** A connection to the next hop is replaced after this, so that a changed address is noticed and load spreads again. */
  connectionAgeMsMax: 300_000,
  /** How long tail sampling waits for the spans of a trace, unless it is configured otherwise … */
  sampleWaitMs: 10_000,
  /** … and at most: everything waits in the journal for so long. */
  sampleWaitMsMax: 300_000,
  /** Traces that tail sampling waits for and remembers. Over it: the oldest are decided on early. */
  sampleTracesMax: 200_000,
  /** Bytes of a journal that a forwarding queue reads at a time. */
  forwardReadBytes: 2 * MIB,

  /** Time from SIGTERM to exit: open requests are answered, open segments sealed. */
  shutdownMsMax: 10_000,
  /** A process that dies is started again after this, doubled at each death in a row, up to restartBackoffMsMax. */
  restartBackoffMsMin: 100,
  restartBackoffMsMax: 5_000,
  /** A process that was ready for this long starts a new row of deaths. */
  restartSteadyMs: 1_000,
  /** Deaths before the first readiness after which the whole start is given up. */
  startTriesMax: 5,
  /** After a crash: how long the ports and files of the processes that died are waited for. */
  predecessorMsMax: 10_000,
  /** Vitals of receivers are sent this often. */
  vitalsIntervalMs: 1_000,
  /** The Status page's history: a point each … */
  historyStepMs: 5_000,
  /** … for as long. */
  historyMs: 900_000,

  /** The call graph is kept in windows of this length. The two sides of a call are found in one window or in two that touch. */
  graphWindowMs: 60_000,
  /** Spans of one window that are paired at once; a fuller window is paired in parts, by trace. */
  graphSpansAtOnce: 50_000,
  /** A window of more spans is paired when no more have come into it for graphBusyQuietMs: again and again would cost more than taking them in … */
  graphBusySpans: 200_000,
  graphBusyQuietMs: 10_000,
  /** … and with this share of time instead of graphShareMax. */
  graphBusyShareMax: 0.04,
  /** Share of time that keeping the call graph may take: where more is to do, the graph is complete up to an earlier moment. */
  graphShareMax: 0.15,
  /** Wait for more spans before a window is paired anew. */
  graphPauseMs: 1_000,
  /** Where a window waits longer than this to be paired, the newest calls are looked at by themselves, for new edges alone, … */
  graphPeekMs: 2_000,
  /** … those that begin in this time, … */
  graphPeekSpanMs: 8_000,
  /** … about so many of them, another part each time where there are more, … */
  graphPeekSpans: 200_000,
  /** … with at most this share of time; … */
  graphPeekShareMax: 0.1,
  /** … where there are more parts than these, from 100,000 spans a second on, looks cannot keep up: they are at a sample, … */
  graphPeekPartsMax: 4,
  /** … which shows as many of the calls at this share of time as looks at all of them would at the one above. */
  graphPeekSampleShareMax: 0.04,
  /** An edge that no call used for this long no longer counts for the cycles that are watched. */
  graphWatchMs: 3_600_000,
  /** The guard's state is written this often when calls on known edges changed it. */
  guardSaveMs: 1_000,
  /** Cycles that an answer lists at most, … */
  cyclesMax: 10_000,
  /** … how many when nothing is said, … */
  cyclesDefault: 200,
  /** … and how long they are then. */
  cycleLengthDefault: 6,
  /** Edges that a search for cycles looks at: bounds its time where cycles are beyond counting. The answer says `truncated`. */
  cycleStepsMax: 2_000_000,

  /** Spans that one question about critical paths reads; the oldest traces beyond it are left out, and the answer says so. */
  criticalSpansMax: 300_000,
  /** Traces that such a question looks at, at most and … */
  criticalTracesMax: 10_000,
  /** … when nothing is said. */
  criticalTracesDefault: 1_000,
  /** Calls below one another, and calls in all, that a flame graph shows; the time of further ones goes to their callers. */
  flameDepthMax: 100,
  flameNodesMax: 5_000,

  /** Traces that a comparison of selected ones with the rest looks at when nothing is said, and at most. */
  compareTracesDefault: 1_000,
  compareTracesMax: 10_000,

  /** How often new lock events are looked for, … */
  lockLookMs: 2_000,
  /** … how far back for those that came late, … */
  lockLateMs: 60_000,
  /** … and at the start. */
  lockHistoryMs: 600_000,
  /** Lock events that one look reads; the oldest beyond it are not seen. */
  lockEventsMax: 50_000,
  /** A deadlock is confirmed when it is unchanged after this: as long as the telemetry of the end of a wait takes to arrive. */
  lockConfirmMs: 3_000,
  /** A lock that is held or waited for longer is forgotten: its release was probably lost. */
  lockAgeMsMax: 3_600_000,
  /** What POST /api/v1/locks told is forgotten when its source is silent for this long. */
  lockSnapshotMs: 300_000,
  /** Locks that are held or waited for; further ones are not taken. */
  lockClaimsMax: 20_000,
  /** Letters that are kept of what an owner of locks is at: a statement, a frame. */
  lockDoingCharsMax: 1_000,
  /** States of pools that are looked at to say how many requests can deadlock them; more: it is not said. */
  poolStatesMax: 100_000,
  /** Deadlocks of the past that are kept, in memory. */
  lockPastMax: 100,

  /** Notices that wait for one receiver of notices (a webhook). Over it: further ones are dropped, counted and reported. */
  noticesWaitingMax: 100,
  /** How often one notice is tried; then it is given up and reported. */
  noticeTriesMax: 8,
  /** How long one try may take. */
  noticeTimeoutMs: 5_000,
  /** The second try comes after about this, each further one after twice as long, … */
  noticeDelayMsMin: 500,
  /** … up to this. */
  noticeDelayMsMax: 30_000,
  /** How long a run of the program for deadlocks may take when nothing is set; then it is killed. */
  noticeCommandMs: 10_000,
  /** Notices that are kept to show; older ones are in the log. */
  noticesShownMax: 100,

  /** Rows that one API answer holds at most. */
  apiRowsMax: 10_000,
  /** Spans of one trace that the API answers; more: the answer says `truncated`. */
  traceSpansMax: 200_000,
  /** A query of the API is ended after this … */
  queryTimeMsMax: 30_000,
  /** … or when it needs more memory than this. */
  queryMemoryBytesMax: 1 * GIB,
  /**
   * Bytes of a service's name in the summaries of traces, which repeat it for each trace: a longer one is cut in lists, and the spans of its traces are looked for
   * by their id and time alone.
   */
  summaryServiceBytesMax: 256,
  /** Shapes of searches of which a store process remembers where a page was found; over it all are forgotten, and searches are a little slower again. */
  searchHintsMax: 1_000,
  /** Points of all series that one metric answer holds; over it the oldest are missing, and the answer says so. */
  metricPointsMax: 200_000,
  /** Histogram points that one metric question reads; over it the oldest are missing, and the answer says so. */
  histogramPointsMax: 50_000,
  /** Series of one metric chart; the smallest beyond them are left out. */
  metricSeriesMax: 50,
  /** Requests of the API that run at once or wait for their turn. Over it: 503 with Retry-After. */
  apiRequestsMax: 64,
  /** Bytes of the answer of `POST /api/v1/sql`. */
  sqlResultBytesMax: 16 * MIB,
  /** Bytes of a request body on the API port. */
  apiRequestBytesMax: 1 * MIB,
} as const;

assert(LIMITS.journalRecordBytesMax > LIMITS.requestBytesMax, 'a journal record holds the largest request');
assert(LIMITS.inflightBytesMax >= LIMITS.requestBytesMax, 'one request of the largest size can be admitted');
assert(LIMITS.segmentColumnBytesMax > LIMITS.segmentBytesMax, 'columns hold what the journal holds, and more');
assert(LIMITS.segmentBytesMax < LIMITS.journalBytesMax, 'the journal quota holds more than one segment');
