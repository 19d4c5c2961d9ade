---- MODULE Flow ----
(***************************************************************************)
(* Flow control of one destination: requests wait in a queue of bounded    *)
(* length, a pool of connections carries them, a token bucket says how     *)
(* many may begin. Time is a tick, and does not pass while something that  *)
(* may begin has not begun.                                                *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
  Rate, Burst,  \* tokens added a tick, and kept at most
  QueueMax,     \* requests that are kept: that wait, are under way, or are not forgotten yet
  Conns,        \* requests under way
  ArriveMin, ArriveMax,  \* requests that come in a tick
  Up,           \* a service that is up: what is begun in a tick ends in it
  Window        \* ticks that are looked back upon

VARIABLES
  queue, under, tokens,
  over,     \* requests that have ended and are not forgotten yet
  came,     \* requests that have come in this tick
  refused,  \* the last step turned a request away
  begun,    \* requests begun in this tick
  sent      \* requests begun in each of the last ticks

vars == <<queue, under, over, tokens, came, refused, begun, sent>>

Min(a, b) == IF a < b THEN a ELSE b

Init ==
  /\ queue = 0 /\ under = 0 /\ over = 0 /\ tokens = Burst
  /\ came = 0 /\ refused = FALSE
  /\ begun = 0 /\ sent = <<>>

Kept == queue + under + over

Arrive ==
  /\ came < ArriveMax /\ Kept < QueueMax
  /\ queue' = queue + 1
  /\ came' = came + 1 /\ refused' = FALSE
  /\ UNCHANGED <<under, over, tokens, begun, sent>>

\* What does not fit is refused and counted, never kept.
Refuse ==
  /\ came < ArriveMax /\ Kept >= QueueMax
  /\ came' = came + 1 /\ refused' = TRUE
  /\ UNCHANGED <<queue, under, over, tokens, begun, sent>>

CanBegin == queue > 0 /\ under < Conns /\ tokens > 0

Begin ==
  /\ CanBegin
  /\ queue' = queue - 1
  /\ under' = under + 1
  /\ tokens' = tokens - 1
  /\ begun' = begun + 1 /\ refused' = FALSE
  /\ UNCHANGED <<over, came, sent>>

\* It is acknowledged, or given up and accounted for.
End ==
  /\ under > 0
  /\ under' = under - 1
  /\ over' = over + 1
  /\ refused' = FALSE
  /\ UNCHANGED <<queue, tokens, came, begun, sent>>

\* It is gone from the journal, and its place is free.
Forget ==
  /\ over > 0
  /\ over' = over - 1
  /\ refused' = FALSE
  /\ UNCHANGED <<queue, under, tokens, came, begun, sent>>

Tick ==
  /\ ~CanBegin /\ came >= ArriveMin
  /\ (~Up \/ under + over = 0)
  /\ tokens' = Min(tokens + Rate, Burst)
  /\ came' = 0 /\ refused' = FALSE /\ begun' = 0
  /\ sent' = Append(IF Len(sent) = Window THEN Tail(sent) ELSE sent, begun)
  /\ UNCHANGED <<queue, under, over>>

Next ==
  \/ Arrive
  \/ Refuse
  \/ Begin
  \/ End
  \/ Forget
  \/ Tick

RECURSIVE Sum(_, _)
Sum(s, from) == IF from > Len(s) THEN 0 ELSE s[from] + Sum(s, from + 1)

\* Requests begun in the last t ticks.
Lately(t) == Sum(sent, Len(sent) - t + 1)

TypeOK ==
  /\ Kept <= QueueMax /\ under <= Conns /\ tokens <= Burst
  /\ came <= ArriveMax /\ refused \in BOOLEAN

\* In any window of t ticks at most rate * t + burst.
Bounded == \A t \in 1..Len(sent) : Lately(t) <= Rate * (t - 1) + Burst

\* Where at least Min arrive and the service is up: the average of every
\* window is at least that.
Average == \A t \in 1..Len(sent) : Lately(t) >= ArriveMin * t

\* A request is refused only by a full queue.
RefusedWhy == ~refused \/ Kept = QueueMax

Safety == TypeOK /\ Bounded /\ RefusedWhy

\* False: a burst is over the rate.
WrongRateAlone == \A t \in 1..Len(sent) : Lately(t) <= Rate * t
\* False without an assumption on what arrives (ArriveMin = 0) or on the service.
WrongAlwaysOne == \A t \in 1..Len(sent) : Lately(t) >= t
WrongNeverRefused == ~refused
====
