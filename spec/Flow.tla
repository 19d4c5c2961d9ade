---- MODULE Flow ----
(***************************************************************************)
(* Flow control of one destination: a queue of bounded length, a pool of   *)
(* connections, a token bucket. Time is a tick: requests arrive, as many   *)
(* as may be are begun, some end.                                          *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
  Rate, Burst,  \* tokens added a tick, and kept at most
  QueueMax,     \* requests that wait
  Conns,        \* requests under way
  ArriveMin, ArriveMax,  \* requests that come in a tick
  Window        \* ticks that are looked back upon

VARIABLES
  queue, under, tokens,
  arrived,  \* whether this tick's requests have come
  served,   \* whether this tick's requests were begun
  sent,     \* requests begun in each of the last ticks
  refused   \* a request was turned away in this tick

vars == <<queue, under, tokens, arrived, served, sent, refused>>

Min(a, b) == IF a < b THEN a ELSE b

Init ==
  /\ queue = 0 /\ under = 0 /\ tokens = Burst
  /\ arrived = FALSE /\ served = FALSE
  /\ sent = <<>> /\ refused = FALSE

\* What does not fit is refused and counted, never kept.
Arrive(n) ==
  /\ ~arrived
  /\ arrived' = TRUE
  /\ queue' = Min(queue + n, QueueMax)
  /\ refused' = (queue + n > QueueMax)
  /\ UNCHANGED <<under, tokens, served, sent>>

\* As many as wait, as tokens and connections allow.
Begin ==
  /\ arrived /\ ~served
  /\ LET n == Min(queue, Min(tokens, Conns - under))
     IN /\ queue' = queue - n
        /\ under' = under + n
        /\ tokens' = tokens - n
        /\ sent' = Append(IF Len(sent) = Window THEN Tail(sent) ELSE sent, n)
  /\ served' = TRUE
  /\ UNCHANGED <<arrived, refused>>

\* A service that is up ends in a tick what was begun in it.
Tick ==
  /\ served
  /\ under' = 0
  /\ tokens' = Min(tokens + Rate, Burst)
  /\ arrived' = FALSE /\ served' = FALSE /\ refused' = FALSE
  /\ UNCHANGED <<queue, sent>>

Next ==
  \/ \E n \in ArriveMin..ArriveMax : Arrive(n)
  \/ Begin
  \/ Tick

RECURSIVE Sum(_, _)
Sum(s, from) == IF from > Len(s) THEN 0 ELSE s[from] + Sum(s, from + 1)

\* Requests begun in the last t ticks.
Lately(t) == Sum(sent, Len(sent) - t + 1)

TypeOK ==
  /\ queue <= QueueMax /\ under <= Conns /\ tokens <= Burst
  /\ arrived \in BOOLEAN /\ served \in BOOLEAN /\ refused \in BOOLEAN

\* In any window of t ticks at most rate * t + burst.
Bounded == \A t \in 1..Len(sent) : Lately(t) <= Rate * (t - 1) + Burst

\* Where at least Min arrive and a tick may begin that many: the average of
\* every window is at least that.
Average == \A t \in 1..Len(sent) : Lately(t) >= ArriveMin * t

\* A request is refused only by a full queue.
RefusedWhy == (refused /\ arrived /\ ~served) => queue = QueueMax

Safety == TypeOK /\ Bounded /\ RefusedWhy

\* False: a burst is over the rate.
WrongRateAlone == \A t \in 1..Len(sent) : Lately(t) <= Rate * t
\* False without an assumption on what arrives (ArriveMin = 0) or on the service.
WrongAlwaysOne == \A t \in 1..Len(sent) : Lately(t) >= t
WrongNeverRefused == ~refused
====
