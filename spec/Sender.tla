---- MODULE Sender ----
(***************************************************************************)
(* One stream of a sender to a destination: protocol state, connection     *)
(* pool, batches, bounded retries, an account that is saved from time to   *)
(* time; a network that loses, doubles, reorders and corrupts; a receiver  *)
(* with journal, deduplication and a fence per trace, which applies its    *)
(* journal to a store exactly once; crashes of sender, receiver and store. *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS
  N,           \* messages, ids 1..N in the order they are accepted
  NT,          \* traces: message m belongs to trace m % NT
  NC,          \* connections in the pool
  NB,          \* batch slots
  BatchMax,    \* messages per batch
  MaxRetries,  \* re-sends per message and incarnation of the sender
  MaxFaults,   \* budget of what may come without end: crashes, failures of
               \* connections, their replacement, batches that are cut
  Poison       \* messages the receiver rejects for good (partial success)

Msgs    == 1..N
Conns   == 1..NC
Batches == 1..NB
Trace(m) == m % NT

ProtoStates == {"INIT", "CONNECTING", "CONNECTED", "ERROR", "CLOSED"}
ConnStates  == {"IDLE", "ACTIVE", "DRAINING", "CLOSED", "ERROR"}
MsgStates   == {"PENDING", "SENDING", "SENT", "ACKED", "FAILED", "RETRYING", "DEAD"}
BatchStates == {"EMPTY", "FILLING", "READY", "SENDING", "SENT", "FAILED"}

VARIABLES
  proto, conn,     \* sender, volatile
  acc,             \* sender, durable: number of accepted messages
  msg, retry,      \* sender, volatile
  bst, bit, bcn,   \* batches: state, items (sequence of ids), connection
                   \* that carries it (0: none, also when its call has ended)
  net,             \* requests in flight; stays monotone: a request that is
                   \* never delivered is lost, one delivered twice a duplicate
  rwal, fs,        \* receiver journal, length of its durable prefix
  aoff, coff,      \* applied (volatile) and committed (durable) WAL offset
  store,           \* durable store
  out,             \* sender, durable: the end of each message as accounted for
  flt              \* faults left

snd   == <<proto, conn, acc, msg, retry, bst, bit, bcn>>
bat   == <<bst, bit, bcn>>
rcv   == <<rwal, fs, aoff, coff, store>>
vars  == <<proto, conn, acc, msg, retry, bst, bit, bcn, net,
           rwal, fs, aoff, coff, store, out, flt>>

Range(s) == {s[i] : i \in 1..Len(s)}
Ids(s)   == {s[i].id : i \in 1..Len(s)}
Durable  == SubSeq(rwal, 1, fs)
Final(m) == msg[m] \in {"ACKED", "DEAD"}
InBatch(m) == \E b \in Batches : m \in Range(bit[b])
Usable(c) == conn[c] \notin {"ERROR", "CLOSED"}

Init ==
  /\ proto = "INIT"
  /\ conn  = [c \in Conns |-> "CLOSED"]
  /\ acc   = 0
  /\ msg   = [m \in Msgs |-> "PENDING"]
  /\ retry = [m \in Msgs |-> 0]
  /\ bst   = [b \in Batches |-> "EMPTY"]
  /\ bit   = [b \in Batches |-> <<>>]
  /\ bcn   = [b \in Batches |-> 0]
  /\ net   = {}
  /\ rwal  = <<>>
  /\ fs    = 0
  /\ aoff  = 0
  /\ coff  = 0
  /\ store = <<>>
  /\ out   = [m \in Msgs |-> "none"]
  /\ flt   = MaxFaults

---------------------------------------------------------------------------
(* Protocol state and connection pool                                      *)

Connect ==
  /\ proto \in {"INIT", "ERROR"}
  /\ proto' = "CONNECTING"
  /\ UNCHANGED <<conn, acc, msg, retry, bst, bit, bcn, net, rwal, fs, aoff, coff, store, flt, out>>

\* The first connection that is open.
ConnectOk(c) ==
  /\ proto = "CONNECTING" /\ ~Usable(c)
  /\ proto' = "CONNECTED"
  /\ conn'  = [conn EXCEPT ![c] = "IDLE"]
  /\ UNCHANGED <<acc, msg, retry, bst, bit, bcn, net, rwal, fs, aoff, coff, store, flt, out>>

\* None can be opened, and there is none.
ConnectFail ==
  /\ proto \in {"CONNECTING", "CONNECTED"} /\ flt > 0
  /\ \A c \in Conns : ~Usable(c)
  /\ proto' = "ERROR"
  /\ flt' = flt - 1
  /\ UNCHANGED <<conn, acc, msg, retry, bst, bit, bcn, net, rwal, fs, aoff, coff, store, out>>

Open(c) ==
  /\ proto = "CONNECTED" /\ conn[c] = "CLOSED"
  /\ conn' = [conn EXCEPT ![c] = "IDLE"]
  /\ UNCHANGED <<proto, acc, msg, retry, bst, bit, bcn, net, rwal, fs, aoff, coff, store, flt, out>>

Recover(c) ==
  /\ proto = "CONNECTED" /\ conn[c] = "ERROR"
  /\ conn' = [conn EXCEPT ![c] = "IDLE"]
  /\ UNCHANGED <<proto, acc, msg, retry, bst, bit, bcn, net, rwal, fs, aoff, coff, store, flt, out>>

\* A connection breaks, with what it carries; no connection left => ERROR.
ConnErr(c) ==
  /\ Usable(c) /\ flt > 0
  /\ flt'  = flt - 1
  /\ conn' = [conn EXCEPT ![c] = IF @ = "DRAINING" THEN "CLOSED" ELSE "ERROR"]
  /\ bcn'  = [b \in Batches |-> IF bcn[b] = c THEN 0 ELSE bcn[b]]
  /\ proto' = IF \A d \in Conns \ {c} : ~Usable(d) THEN "ERROR" ELSE proto
  /\ UNCHANGED <<acc, msg, retry, bst, bit, net, rwal, fs, aoff, coff, store, out>>

\* It takes nothing new: it is old, or the other side said goodbye.
Drain(c) ==
  /\ conn[c] \in {"IDLE", "ACTIVE"} /\ flt > 0
  /\ flt'  = flt - 1
  /\ conn' = [conn EXCEPT ![c] = "DRAINING"]
  /\ UNCHANGED <<proto, acc, msg, retry, bst, bit, bcn, net, rwal, fs, aoff, coff, store, out>>

DrainDone(c) ==
  /\ conn[c] = "DRAINING" /\ \A b \in Batches : bcn[b] # c
  /\ conn' = [conn EXCEPT ![c] = "CLOSED"]
  /\ UNCHANGED <<proto, acc, msg, retry, bst, bit, bcn, net, rwal, fs, aoff, coff, store, flt, out>>

\* Graceful shutdown: only when nothing accepted is open.
Close ==
  /\ proto = "CONNECTED"
  /\ \A m \in 1..acc : Final(m)
  /\ \A b \in Batches : bst[b] = "EMPTY"
  /\ proto' = "CLOSED"
  /\ conn'  = [c \in Conns |-> "CLOSED"]
  /\ UNCHANGED <<acc, msg, retry, bst, bit, bcn, net, rwal, fs, aoff, coff, store, flt, out>>

---------------------------------------------------------------------------
(* Accepting, batching, sending                                            *)

\* Accepting a message = appending it to the durable queue of the sender.
Accept ==
  /\ proto # "CLOSED" /\ acc < N
  /\ acc' = acc + 1
  /\ UNCHANGED <<proto, conn, msg, retry, bst, bit, bcn, net, rwal, fs, aoff, coff, store, flt, out>>

\* Head-of-line rule: an earlier message of the same trace is acknowledged, or
\* given up and accounted for so (else a crash would have it sent again, when
\* the receiver holds later ones), or is in this very batch before m.
Settled(k) == msg[k] = "ACKED" \/ out[k] = "DEAD"

Eligible(b, m) ==
  /\ m <= acc /\ msg[m] \in {"PENDING", "FAILED"} /\ ~InBatch(m)
  /\ \A k \in 1..(m - 1) : Trace(k) = Trace(m) => (Settled(k) \/ k \in Range(bit[b]))

Fill(b, m) ==
  /\ bst[b] \in {"EMPTY", "FILLING"}
  /\ Eligible(b, m)
  /\ bit' = [bit EXCEPT ![b] = Append(@, m)]
  /\ bst' = [bst EXCEPT ![b] = IF Len(bit[b]) + 1 = BatchMax THEN "READY" ELSE "FILLING"]
  /\ UNCHANGED <<proto, conn, acc, msg, retry, bcn, net, rwal, fs, aoff, coff, store, flt, out>>

Flush(b) ==
  /\ bst[b] = "FILLING"
  /\ bst' = [bst EXCEPT ![b] = "READY"]
  /\ UNCHANGED <<proto, conn, acc, msg, retry, bit, bcn, net, rwal, fs, aoff, coff, store, flt, out>>

\* What was read is read again.
Abandon(b) ==
  /\ bst[b] = "FILLING" /\ flt > 0
  /\ flt' = flt - 1
  /\ bst' = [bst EXCEPT ![b] = "EMPTY"]
  /\ bit' = [bit EXCEPT ![b] = <<>>]
  /\ UNCHANGED <<proto, conn, acc, msg, retry, bcn, net, rwal, fs, aoff, coff, store, out>>

Send(b, c) ==
  /\ proto = "CONNECTED" /\ bst[b] = "READY" /\ conn[c] = "IDLE"
  /\ bst'  = [bst EXCEPT ![b] = "SENDING"]
  /\ bcn'  = [bcn EXCEPT ![b] = c]
  /\ conn' = [conn EXCEPT ![c] = "ACTIVE"]
  /\ msg'  = [m \in Msgs |-> IF m \in Range(bit[b])
                             THEN (IF msg[m] = "FAILED" THEN "RETRYING" ELSE "SENDING")
                             ELSE msg[m]]
  /\ UNCHANGED <<proto, acc, retry, bit, net, rwal, fs, aoff, coff, store, flt, out>>

Transmit(b) ==
  /\ bst[b] = "SENDING" /\ bcn[b] # 0
  /\ bst' = [bst EXCEPT ![b] = "SENT"]
  /\ msg' = [m \in Msgs |-> IF m \in Range(bit[b]) THEN "SENT" ELSE msg[m]]
  /\ net' = net \cup {bit[b]}
  /\ UNCHANGED <<proto, conn, acc, retry, bit, bcn, rwal, fs, aoff, coff, store, flt, out>>

\* The call has ended: an answer, or none in time. What it says comes next.
Release(b) ==
  /\ bst[b] = "SENT" /\ bcn[b] # 0
  /\ conn' = [conn EXCEPT ![bcn[b]] = IF @ = "ACTIVE" THEN "IDLE" ELSE @]
  /\ bcn'  = [bcn EXCEPT ![b] = 0]
  /\ UNCHANGED <<proto, acc, msg, retry, bst, bit, net, rwal, fs, aoff, coff, store, flt, out>>

Ended(b) == bst[b] = "SENT" /\ bcn[b] = 0

\* 200 (partial success: poison items are rejected for good). The receiver
\* answers only when every other item is durable; a durable item stays so,
\* hence sending and reading the answer can be one step. An answer that is
\* lost, late or retryable (429/502/503/504) is Timeout.
BatchOk(b) ==
  /\ Ended(b) /\ bit[b] \in net
  /\ Range(bit[b]) \ Poison \subseteq Ids(Durable)
  /\ msg'  = [m \in Msgs |-> IF m \in Range(bit[b])
                             THEN (IF m \in Poison THEN "DEAD" ELSE "ACKED")
                             ELSE msg[m]]
  /\ bst'  = [bst EXCEPT ![b] = "EMPTY"]
  /\ bit'  = [bit EXCEPT ![b] = <<>>]
  /\ UNCHANGED <<proto, conn, acc, retry, bcn, net, rwal, fs, aoff, coff, store, flt, out>>

\* 400: refused as a whole, for good.
Refuse(b) ==
  /\ Ended(b) /\ bit[b] \in net
  /\ Range(bit[b]) \subseteq Poison
  /\ msg'  = [m \in Msgs |-> IF m \in Range(bit[b]) THEN "DEAD" ELSE msg[m]]
  /\ bst'  = [bst EXCEPT ![b] = "EMPTY"]
  /\ bit'  = [bit EXCEPT ![b] = <<>>]
  /\ UNCHANGED <<proto, conn, acc, retry, bcn, net, rwal, fs, aoff, coff, store, flt, out>>

\* 400 or 413 for a batch of several: it is cut, and its parts are sent, each
\* with retries of its own.
Split(b) ==
  /\ Ended(b) /\ bit[b] \in net /\ Len(bit[b]) > 1 /\ flt > 0
  /\ flt'  = flt - 1
  /\ msg'  = [m \in Msgs |-> IF m \in Range(bit[b]) THEN "PENDING" ELSE msg[m]]
  /\ retry' = [m \in Msgs |-> IF m \in Range(bit[b]) THEN 0 ELSE retry[m]]
  /\ bst'  = [bst EXCEPT ![b] = "EMPTY"]
  /\ bit'  = [bit EXCEPT ![b] = <<>>]
  /\ UNCHANGED <<proto, conn, acc, bcn, net, rwal, fs, aoff, coff, store, out>>

\* 409: the receiver holds those up to k, of an earlier batch that was cut
\* elsewhere; the rest is sent.
Overlap(b, k) ==
  /\ Ended(b) /\ bit[b] \in net
  /\ k \in Range(bit[b]) /\ k # bit[b][Len(bit[b])]
  /\ \A m \in Range(bit[b]) : m <= k => m \in Ids(Durable)
  /\ msg'  = [m \in Msgs |-> IF m \in Range(bit[b])
                             THEN (IF m <= k THEN "ACKED" ELSE "PENDING")
                             ELSE msg[m]]
  /\ retry' = [m \in Msgs |-> IF m \in Range(bit[b]) /\ k < m THEN 0 ELSE retry[m]]
  /\ bst'  = [bst EXCEPT ![b] = "EMPTY"]
  /\ bit'  = [bit EXCEPT ![b] = <<>>]
  /\ UNCHANGED <<proto, conn, acc, bcn, net, rwal, fs, aoff, coff, store, flt, out>>

\* No answer in time, or a retryable one; the request may still be delivered.
Timeout(b) ==
  /\ bst[b] \in {"SENDING", "SENT"} /\ bcn[b] = 0
  /\ bst'  = [bst EXCEPT ![b] = "FAILED"]
  /\ UNCHANGED <<proto, conn, acc, msg, retry, bit, bcn, net, rwal, fs, aoff, coff, store, flt, out>>

\* Retry decision, per message of a failed batch.
MayRetry(m) == retry[m] < MaxRetries

Requeue(b) ==
  /\ bst[b] = "FAILED"
  /\ msg'   = [m \in Msgs |-> IF m \in Range(bit[b])
                              THEN (IF MayRetry(m) THEN "FAILED" ELSE "DEAD")
                              ELSE msg[m]]
  /\ retry' = [m \in Msgs |-> IF m \in Range(bit[b]) /\ MayRetry(m)
                              THEN retry[m] + 1 ELSE retry[m]]
  /\ bst'   = [bst EXCEPT ![b] = "EMPTY"]
  /\ bit'   = [bit EXCEPT ![b] = <<>>]
  /\ UNCHANGED <<proto, conn, acc, bcn, net, rwal, fs, aoff, coff, store, flt, out>>

\* The same batch once more, under the same token: all of it may be retried.
Resend(b) ==
  /\ bst[b] = "FAILED"
  /\ \A m \in Range(bit[b]) : MayRetry(m)
  /\ msg'   = [m \in Msgs |-> IF m \in Range(bit[b]) THEN "FAILED" ELSE msg[m]]
  /\ retry' = [m \in Msgs |-> IF m \in Range(bit[b]) THEN retry[m] + 1 ELSE retry[m]]
  /\ bst'   = [bst EXCEPT ![b] = "READY"]
  /\ UNCHANGED <<proto, conn, acc, bit, bcn, net, rwal, fs, aoff, coff, store, flt, out>>

\* Out of retries, and nobody has said whether it was taken: a new row of
\* retries for the same batch.
Renew(b) ==
  /\ bst[b] \in {"READY", "FAILED"} /\ flt > 0
  /\ \E m \in Range(bit[b]) : ~MayRetry(m)
  /\ flt'   = flt - 1
  /\ msg'   = [m \in Msgs |-> IF m \in Range(bit[b]) THEN "PENDING" ELSE msg[m]]
  /\ retry' = [m \in Msgs |-> IF m \in Range(bit[b]) THEN 0 ELSE retry[m]]
  /\ bst'   = [bst EXCEPT ![b] = "READY"]
  /\ UNCHANGED <<proto, conn, acc, bit, bcn, net, rwal, fs, aoff, coff, store, out>>

\* A try that found no connection is one too.
Miss(b) ==
  /\ bst[b] = "READY" /\ flt > 0
  /\ \A m \in Range(bit[b]) : MayRetry(m)
  /\ flt'   = flt - 1
  /\ msg'   = [m \in Msgs |-> IF m \in Range(bit[b]) THEN "FAILED" ELSE msg[m]]
  /\ retry' = [m \in Msgs |-> IF m \in Range(bit[b]) THEN retry[m] + 1 ELSE retry[m]]
  /\ UNCHANGED <<proto, conn, acc, bst, bit, bcn, net, rwal, fs, aoff, coff, store, out>>

\* The account up to k is durable: from here on it is never revised.
Save(k) ==
  /\ out[k] = "none"
  /\ \A m \in 1..k : Final(m)
  /\ out' = [m \in Msgs |-> IF m <= k THEN msg[m] ELSE out[m]]
  /\ UNCHANGED <<proto, conn, acc, msg, retry, bst, bit, bcn, net, rwal, fs, aoff, coff, store, flt>>

---------------------------------------------------------------------------
(* Network and receiver                                                    *)

\* What of request r the receiver appends: not poison, not a duplicate
\* (dedup), not older than what its trace already has (fence).
News(r) == SelectSeq(r, LAMBDA m :
             /\ m \notin Poison
             /\ m \notin Ids(rwal)
             /\ \A k \in Ids(rwal) : Trace(k) = Trace(m) => k < m)

\* The request stays in net: it can be delivered again (duplicates).
Deliver(r, good) ==
  /\ r \in net
  /\ good
  /\ News(r) # <<>> /\ Len(rwal) < N + 1
  /\ LET new == News(r)
     IN rwal' = rwal \o [i \in 1..Len(new) |-> [id |-> new[i], ok |-> good]]
  /\ UNCHANGED <<proto, conn, acc, msg, retry, bst, bit, bcn, net, fs, aoff, coff, store, flt, out>>

Fsync(k) ==
  /\ fs < k /\ k <= Len(rwal)
  /\ fs' = k
  /\ UNCHANGED <<proto, conn, acc, msg, retry, bst, bit, bcn, net, rwal, aoff, coff, store, flt, out>>

\* Apply the next durable entry; the insert is idempotent (token = id).
Apply ==
  /\ aoff < fs
  /\ aoff' = aoff + 1
  /\ store' = IF rwal[aoff + 1].id \in Ids(store)
              THEN store ELSE Append(store, rwal[aoff + 1])
  /\ UNCHANGED <<proto, conn, acc, msg, retry, bst, bit, bcn, net, rwal, fs, coff, flt, out>>

CommitOff(k) ==
  /\ coff < k /\ k <= aoff
  /\ coff' = k
  /\ UNCHANGED <<proto, conn, acc, msg, retry, bst, bit, bcn, net, rwal, fs, aoff, store, flt, out>>

---------------------------------------------------------------------------
(* Crashes                                                                 *)

\* The sender dies, or ends, and the next one begins with the account that
\* it finds: up to k at least what was saved, for a save may be durable
\* before anybody knows it.
SCrash(k) ==
  /\ flt > 0
  /\ \A m \in 1..k : Final(m)
  /\ \A m \in Msgs : out[m] # "none" => m <= k
  /\ flt'   = flt - 1
  /\ proto' = "INIT"
  /\ conn'  = [c \in Conns |-> "CLOSED"]
  /\ msg'   = [m \in Msgs |-> IF m <= k THEN msg[m] ELSE "PENDING"]
  /\ retry' = [m \in Msgs |-> IF m <= k THEN retry[m] ELSE 0]
  /\ out'   = [m \in Msgs |-> IF m <= k THEN msg[m] ELSE "none"]
  /\ bst'   = [b \in Batches |-> "EMPTY"]
  /\ bit'   = [b \in Batches |-> <<>>]
  /\ bcn'   = [b \in Batches |-> 0]
  /\ UNCHANGED <<acc, net, rwal, fs, aoff, coff, store>>

\* The receiver dies, and the next one reads back k entries: those that are
\* durable at least, and it makes them so.
RCrash(k) ==
  /\ flt > 0 /\ fs <= k /\ k <= Len(rwal)
  /\ flt'  = flt - 1
  /\ rwal' = SubSeq(rwal, 1, k)
  /\ fs'   = k
  /\ UNCHANGED <<proto, conn, acc, msg, retry, bst, bit, bcn, net, aoff, coff, store, out>>

\* The store dies: it applies again what it has not marked.
StoreCrash ==
  /\ flt > 0
  /\ flt'  = flt - 1
  /\ aoff' = coff
  /\ UNCHANGED <<proto, conn, acc, msg, retry, bst, bit, bcn, net, rwal, fs, coff, store, out>>

---------------------------------------------------------------------------

Progress ==
  \/ Connect
  \/ \E c \in Conns : ConnectOk(c) \/ Open(c) \/ Recover(c) \/ DrainDone(c)
  \/ \E b \in Batches : \/ \E m \in Msgs : Fill(b, m) \/ Overlap(b, m)
                        \/ \E c \in Conns : Send(b, c)
                        \/ Flush(b) \/ Transmit(b) \/ Release(b) \/ BatchOk(b) \/ Refuse(b)
                        \/ Timeout(b) \/ Requeue(b)
  \/ \E k \in Msgs : Save(k) \/ Fsync(k) \/ CommitOff(k)
  \/ Apply

Next ==
  \/ Connect
  \/ ConnectFail
  \/ Close
  \/ Accept
  \/ Apply
  \/ StoreCrash
  \/ \E c \in Conns : ConnectOk(c)
  \/ \E c \in Conns : Open(c)
  \/ \E c \in Conns : Recover(c)
  \/ \E c \in Conns : ConnErr(c)
  \/ \E c \in Conns : Drain(c)
  \/ \E c \in Conns : DrainDone(c)
  \/ \E b \in Batches : \E m \in Msgs : Fill(b, m)
  \/ \E b \in Batches : Flush(b)
  \/ \E b \in Batches : Abandon(b)
  \/ \E b \in Batches : \E c \in Conns : Send(b, c)
  \/ \E b \in Batches : Transmit(b)
  \/ \E b \in Batches : Release(b)
  \/ \E b \in Batches : BatchOk(b)
  \/ \E b \in Batches : Refuse(b)
  \/ \E b \in Batches : Split(b)
  \/ \E b \in Batches : \E k \in Msgs : Overlap(b, k)
  \/ \E b \in Batches : Timeout(b)
  \/ \E b \in Batches : Requeue(b)
  \/ \E b \in Batches : Resend(b)
  \/ \E b \in Batches : Renew(b)
  \/ \E b \in Batches : Miss(b)
  \/ \E k \in Msgs : Save(k)
  \/ \E k \in Msgs : Fsync(k)
  \/ \E k \in Msgs : CommitOff(k)
  \/ \E k \in 0..N : SCrash(k)
  \/ \E k \in 0..N : RCrash(k)
  \/ \E r \in net : \E good \in {TRUE, FALSE} : Deliver(r, good)

Spec == Init /\ [][Next]_vars /\ WF_vars(Progress)

---------------------------------------------------------------------------
(* Safety                                                                  *)

TypeOK ==
  /\ proto \in ProtoStates
  /\ \A c \in Conns : conn[c] \in ConnStates
  /\ acc \in 0..N
  /\ \A m \in Msgs : msg[m] \in MsgStates /\ retry[m] <= MaxRetries + 1
  /\ \A b \in Batches : bst[b] \in BatchStates /\ bcn[b] \in 0..NC /\ Len(bit[b]) <= BatchMax
  /\ coff <= aoff /\ aoff <= fs /\ fs <= Len(rwal)
  /\ flt <= MaxFaults

RetryBound == \A m \in Msgs : retry[m] <= MaxRetries

\* Given up has its reason, and a retry its count.
DeadWhy    == \A m \in Msgs : msg[m] = "DEAD" => (m \in Poison \/ retry[m] = MaxRetries)
FailedCnt  == \A m \in Msgs : msg[m] \in {"FAILED", "RETRYING"} => retry[m] >= 1
PendingCnt == \A m \in Msgs : msg[m] = "PENDING" => retry[m] = 0

\* Acknowledged = durable at the receiver, unharmed, not poison.
AckedDurable == \A m \in Msgs : msg[m] = "ACKED" =>
                  (m \notin Poison /\ (\E i \in 1..fs : rwal[i].id = m /\ rwal[i].ok))
Integrity    == \A i \in 1..Len(rwal) : rwal[i].ok
StoreOk      == \A i \in 1..Len(store) : store[i].ok

\* Exactly once: at most once here, at least once is LiveStored.
WalOnce   == \A i, j \in 1..Len(rwal)  : rwal[i].id = rwal[j].id => i = j
StoreOnce == \A i, j \in 1..Len(store) : store[i].id = store[j].id => i = j
NoInvent  == Ids(rwal) \subseteq (1..acc) /\ Ids(store) \subseteq (1..acc)
NoPoison  == Ids(rwal) \cap Poison = {}
StoreIsWalPrefix == Ids(store) \subseteq Ids(Durable)

\* Order per trace, in the WAL and in the store.
Order ==
  /\ \A i, j \in 1..Len(rwal) :
       (i < j /\ Trace(rwal[i].id) = Trace(rwal[j].id)) => rwal[i].id < rwal[j].id
  /\ \A i, j \in 1..Len(store) :
       (i < j /\ Trace(store[i].id) = Trace(store[j].id)) => store[i].id < store[j].id

\* An outcome that is accounted for is never revised, and the fence never hits a message
\* that is still open (else it could only end FAILED without any fault).
Terminal   == \A m \in Msgs : out[m] # "none" => msg[m] = out[m]
FenceClean == \A k \in Ids(rwal) : \A m \in 1..(k - 1) :
                Trace(m) = Trace(k) => (m \in Ids(rwal) \/ Final(m))

\* Pool and batches fit together.
OneBatch == \A m \in Msgs : Cardinality({b \in Batches : m \in Range(bit[b])}) <= 1
BatchFit == \A b \in Batches :
              /\ (bst[b] = "EMPTY") <=> (bit[b] = <<>>)
              /\ bcn[b] # 0 => (bst[b] \in {"SENDING", "SENT"} /\ conn[bcn[b]] \in {"ACTIVE", "DRAINING"})
              /\ bst[b] = "SENDING" => \A m \in Range(bit[b]) : msg[m] \in {"SENDING", "RETRYING"}
              /\ bst[b] = "SENT" => \A m \in Range(bit[b]) : msg[m] = "SENT"
PoolFit  == /\ \A c \in Conns : conn[c] = "ACTIVE" => Cardinality({b \in Batches : bcn[b] = c}) = 1
            /\ proto \in {"INIT", "CLOSED"} => \A c \in Conns : conn[c] = "CLOSED"
            /\ proto # "CONNECTED" => \A c \in Conns : ~Usable(c)
ClosedClean == proto = "CLOSED" => \A m \in 1..acc : Final(m)

Safety == /\ TypeOK /\ RetryBound /\ DeadWhy /\ FailedCnt /\ PendingCnt
          /\ AckedDurable /\ Integrity /\ StoreOk /\ WalOnce /\ StoreOnce
          /\ NoInvent /\ NoPoison /\ StoreIsWalPrefix /\ Order
          /\ Terminal /\ FenceClean
          /\ OneBatch /\ BatchFit /\ PoolFit /\ ClosedClean

\* Usual statements that are false; each is kept to be refuted.
WrongDeadMax      == \A m \in Msgs : msg[m] = "DEAD" => retry[m] = MaxRetries
WrongDeadLost     == \A m \in Msgs : msg[m] = "DEAD" => m \notin Ids(rwal)
WrongFailedMax    == \A m \in Msgs : msg[m] = "FAILED" => retry[m] = MaxRetries
WrongStoredAcked  == \A m \in Msgs : m \in Ids(store) => msg[m] = "ACKED"
WrongAckedStored  == \A m \in Msgs : msg[m] = "ACKED" => m \in Ids(store)
WrongGlobalOrder  == \A i, j \in 1..Len(store) : i < j => store[i].id < store[j].id
WrongRetryingOpen == \A m \in Msgs : msg[m] = "FAILED" => m \notin Ids(store)
WrongGapFree      == \A m \in Ids(store) : \A k \in 1..(m - 1) : Trace(k) = Trace(m) => k \in Ids(store)

---------------------------------------------------------------------------
(* Liveness, as []<>(persistent => persistent)                             *)

LiveFinal  == \A m \in Msgs : []<>(m <= acc => Final(m))
LiveStored == \A m \in Msgs : []<>(m <= acc => (m \in Ids(store) \/ msg[m] = "DEAD"))
\* FALSE: retries are bounded, so not every message is acknowledged.
WrongLiveAcked == \A m \in Msgs : []<>(m <= acc => msg[m] = "ACKED")

LiveApply  == \A m \in Msgs : []<>(msg[m] = "ACKED" => m \in Ids(store))
====
