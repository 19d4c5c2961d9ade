---- MODULE Window ----
(***************************************************************************)
(* How long a receiver must remember which batches it has applied. A batch *)
(* may arrive again as long as its sender tries it or the network holds    *)
(* it: its life. A receiver that remembers the last W tokens applies each  *)
(* batch at most once only if no batch outlives W others.                  *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
  N,  \* batches
  W,  \* tokens that the receiver remembers
  L   \* life of a batch in ticks, from its first send; one is applied a tick

Batches == 1..N

VARIABLES
  life,   \* ticks that each batch may still arrive; L + 1: not sent yet
  seen,   \* the last W tokens
  count,  \* how often each was applied
  busy    \* one was applied in this tick

vars == <<life, seen, count, busy>>

Range(s) == {s[i] : i \in 1..Len(s)}

Init ==
  /\ life = [b \in Batches |-> L + 1]
  /\ seen = <<>>
  /\ count = [b \in Batches |-> 0]
  /\ busy = FALSE

Send(b) ==
  /\ life[b] = L + 1
  /\ life' = [life EXCEPT ![b] = L]
  /\ UNCHANGED <<seen, count, busy>>

Arrives(b) == 0 < life[b] /\ life[b] <= L

\* A new token: applied, and the oldest one is forgotten.
Apply(b) ==
  /\ Arrives(b) /\ b \notin Range(seen) /\ ~busy
  /\ count[b] < 2
  /\ seen' = Append(IF Len(seen) = W THEN Tail(seen) ELSE seen, b)
  /\ count' = [count EXCEPT ![b] = @ + 1]
  /\ busy' = TRUE
  /\ UNCHANGED life

\* A token that is remembered: answered, not applied.
Skip(b) ==
  /\ Arrives(b) /\ b \in Range(seen)
  /\ UNCHANGED vars

Tick ==
  /\ busy' = FALSE
  /\ life' = [b \in Batches |-> IF Arrives(b) THEN life[b] - 1 ELSE life[b]]
  /\ UNCHANGED <<seen, count>>

Next ==
  \/ \E b \in Batches : Send(b)
  \/ \E b \in Batches : Apply(b)
  \/ \E b \in Batches : Skip(b)
  \/ Tick

TypeOK ==
  /\ \A b \in Batches : life[b] \in 0..(L + 1) /\ count[b] \in 0..2
  /\ Len(seen) <= W /\ busy \in BOOLEAN

AtMostOnce == \A b \in Batches : count[b] <= 1
Safety == TypeOK /\ AtMostOnce

\* False: that it was applied once does not mean that it is remembered.
WrongRemembered == \A b \in Batches : count[b] > 0 => b \in Range(seen)
====
