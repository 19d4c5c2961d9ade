---- MODULE Latency ----
(***************************************************************************)
(* How long an accepted message waits for its end, in ticks: a queue of at *)
(* most Q, one message under way, answers that come within D (or the try   *)
(* counts as failed), retries after at most B, at most R of them. Before   *)
(* anything behind a message that is given up is sent, that is written     *)
(* down, which takes at most A.                                            *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS Q, D, B, R, A

VARIABLES
  ages,    \* ticks that each waiting message has waited, the oldest first
  phase,   \* of the first one: idle, sent, waiting for its retry; noting: one was given up
  timer,   \* ticks in this phase
  tries,   \* retries of the first one
  worst,   \* the longest time from acceptance to an end, acknowledged or not
  dead     \* whether one was given up

vars == <<ages, phase, timer, tries, worst, dead>>

Init == ages = <<>> /\ phase = "idle" /\ timer = 0 /\ tries = 0 /\ worst = 0 /\ dead = FALSE

\* One message has the destination for at most so long.
Turn == (R + 1) * D + R * B + A
Bound == Q * Turn

Accept ==
  /\ Len(ages) < Q
  /\ ages' = Append(ages, 0)
  /\ UNCHANGED <<phase, timer, tries, worst, dead>>

Send ==
  /\ ages # <<>> /\ phase = "idle"
  /\ phase' = "sent" /\ timer' = 0
  /\ UNCHANGED <<ages, tries, worst, dead>>

End(gone, next) ==
  /\ worst' = IF Head(ages) > worst THEN Head(ages) ELSE worst
  /\ ages' = Tail(ages)
  /\ phase' = next /\ timer' = 0 /\ tries' = 0
  /\ dead' = (dead \/ gone)

Ack ==
  /\ phase = "sent"
  /\ End(FALSE, "idle")

\* An error that may be retried, or no answer within D.
Fail ==
  /\ phase = "sent" /\ tries < R
  /\ phase' = "waiting" /\ timer' = 0 /\ tries' = tries + 1
  /\ UNCHANGED <<ages, worst, dead>>

GiveUp ==
  /\ phase = "sent" /\ tries = R
  /\ End(TRUE, "noting")

\* The giving up is durable.
Note ==
  /\ phase = "noting"
  /\ phase' = "idle" /\ timer' = 0
  /\ UNCHANGED <<ages, tries, worst, dead>>

Retry ==
  /\ phase = "waiting"
  /\ phase' = "sent" /\ timer' = 0
  /\ UNCHANGED <<ages, tries, worst, dead>>

\* Time does not pass a deadline: a try ends at D, a pause at B, and nobody
\* waits beside an idle sender.
Tick ==
  /\ \/ phase = "idle" /\ ages = <<>>
     \/ phase = "sent" /\ timer < D
     \/ phase = "waiting" /\ timer < B
     \/ phase = "noting" /\ timer < A
  /\ timer' = IF phase = "idle" THEN 0 ELSE timer + 1
  /\ ages' = [i \in 1..Len(ages) |-> ages[i] + 1]
  /\ UNCHANGED <<phase, tries, worst, dead>>

Next ==
  \/ Accept
  \/ Send
  \/ Ack
  \/ Fail
  \/ GiveUp
  \/ Note
  \/ Retry
  \/ Tick

TypeOK ==
  /\ Len(ages) <= Q /\ phase \in {"idle", "sent", "waiting", "noting"}
  /\ timer <= D + B + A /\ tries <= R /\ dead \in BOOLEAN

\* Every message ends within the bound: acknowledged, or reported.
Within == worst <= Bound
\* The one in place i has at most i turns behind it and before it.
Waiting == \A i \in 1..Len(ages) : ages[i] <= Bound
HeadWithin == (phase # "idle" /\ Len(ages) = Q) => ages[Len(ages)] <= Bound

Safety == TypeOK /\ Within /\ Waiting /\ HeadWithin

\* False: the bound of one turn forgets the queue.
WrongOneTurn == worst <= Turn
\* False: retries are bounded, so not every message is acknowledged.
WrongAllAcked == ~dead
\* False: tighter than the bound.
WrongTighter == worst < Bound
====
