---- MODULE Order ----
(***************************************************************************)
(* A tier with several receivers: each has a journal, and a lane of its    *)
(* own to the next hop. A stream of the hop before is held by one receiver *)
(* at a time and may move. With it goes where its records stand in the     *)
(* journals of the others; the first record after the move names these     *)
(* places, and is sent when the lanes of the others have settled them.     *)
(* Journals are durable here (Intake.tla), and each lane keeps its own     *)
(* order (Sender.tla, Tier.tla).                                           *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
  R,         \* receivers
  S,         \* streams of the hop before
  N,         \* items of each stream, in the order of their sequence
  Moves,     \* how often a stream may be granted
  MaxFaults  \* budget of lanes that begin again

Receivers == 1..R
Streams == 1..S

VARIABLES
  hold,   \* who holds each stream; 0: nobody
  mark,   \* the last item taken in of each
  at,     \* of each stream: where its last record stands in each journal
  behind, \* of each stream: places that its next record will name
  j,      \* journals: records of a stream, an item, and the places named
  sent,   \* lanes: records sent, ...
  arr,    \* ... taken in by the next hop, ...
  done,   \* ... and settled
  out,    \* items of each stream as the next hop took them in
  taken,  \* records taken in by all receivers: numbers them
  moves,
  flt

vars == <<hold, mark, at, behind, j, sent, arr, done, out, taken, moves, flt>>

Nowhere == [q \in Receivers |-> 0]
Empty == [r \in Receivers |-> <<>>]

Init ==
  /\ hold = [s \in Streams |-> 0]
  /\ mark = [s \in Streams |-> 0]
  /\ at = [s \in Streams |-> Nowhere]
  /\ behind = [s \in Streams |-> Nowhere]
  /\ j = Empty
  /\ sent = Nowhere /\ arr = Nowhere /\ done = Nowhere
  /\ out = [s \in Streams |-> <<>>]
  /\ taken = 0
  /\ moves = Moves
  /\ flt = MaxFaults

\* The last holder has nothing of it under way. Also to one that held it
\* before, or died and asks anew.
Grant(s, r) ==
  /\ moves > 0 /\ moves' = moves - 1
  /\ hold' = [hold EXCEPT ![s] = r]
  /\ behind' = [behind EXCEPT ![s] = [q \in Receivers |-> IF q = r THEN 0 ELSE at[s][q]]]
  /\ UNCHANGED <<mark, at, j, sent, arr, done, out, taken, flt>>

\* In order, as Tier.tla has it.
Take(s, r, k) ==
  /\ hold[s] = r /\ k = mark[s] + 1
  /\ mark' = [mark EXCEPT ![s] = k]
  /\ taken' = taken + 1
  /\ j' = [j EXCEPT ![r] = Append(@, [s |-> s, k |-> k, n |-> taken + 1, after |-> behind[s]])]
  /\ at' = [at EXCEPT ![s] = [q \in Receivers |-> IF q = r THEN Len(j[r]) + 1 ELSE at[s][q]]]
  /\ behind' = [behind EXCEPT ![s] = Nowhere]
  /\ UNCHANGED <<hold, sent, arr, done, out, moves, flt>>

\* The turn of the i-th record of a journal has come.
Turn(r, i) == \A q \in Receivers : j[r][i].after[q] <= done[q]

Send(r, i) ==
  /\ i = sent[r] + 1 /\ i <= Len(j[r])
  /\ Turn(r, i)
  /\ sent' = [sent EXCEPT ![r] = i]
  /\ UNCHANGED <<hold, mark, at, behind, j, arr, done, out, taken, moves, flt>>

\* What comes again is answered, not taken.
Arrive(r, i) ==
  /\ i = arr[r] + 1 /\ i <= sent[r]
  /\ arr' = [arr EXCEPT ![r] = i]
  /\ out' = [out EXCEPT ![j[r][i].s] = Append(@, j[r][i].k)]
  /\ UNCHANGED <<hold, mark, at, behind, j, sent, done, taken, moves, flt>>

Settle(r, i) ==
  /\ i = done[r] + 1 /\ i <= sent[r] /\ i <= arr[r]
  /\ done' = [done EXCEPT ![r] = i]
  /\ UNCHANGED <<hold, mark, at, behind, j, sent, arr, out, taken, moves, flt>>

\* No answer, or another process sends now: again from what is settled.
Again(r) ==
  /\ flt > 0 /\ flt' = flt - 1
  /\ done[r] < sent[r]
  /\ sent' = [sent EXCEPT ![r] = done[r]]
  /\ UNCHANGED <<hold, mark, at, behind, j, arr, done, out, taken, moves>>

Items == 1..N
Places == 1..(S * N)

Next ==
  \/ \E s \in Streams : \E r \in Receivers : Grant(s, r)
  \/ \E s \in Streams : \E r \in Receivers : \E k \in Items : Take(s, r, k)
  \/ \E r \in Receivers : \E i \in Places : Send(r, i)
  \/ \E r \in Receivers : \E i \in Places : Arrive(r, i)
  \/ \E r \in Receivers : \E i \in Places : Settle(r, i)
  \/ \E r \in Receivers : Again(r)

\* What goes on by itself: lanes. Streams are taken in as others like.
Progress ==
  \E r \in Receivers : \E i \in Places : Send(r, i) \/ Arrive(r, i) \/ Settle(r, i)

Spec == Init /\ [][Next]_vars /\ WF_vars(Progress)

TypeOK ==
  \A r \in Receivers :
    /\ done[r] <= sent[r] /\ done[r] <= arr[r]
    /\ sent[r] <= Len(j[r]) /\ arr[r] <= Len(j[r])

\* The next hop takes each stream in as this one did, whoever held it.
InOrder == \A s \in Streams : \A i \in 1..Len(out[s]) : out[s][i] = i

Open(r) == sent[r] < Len(j[r])

\* Never do all lanes that have something to send wait for one another.
NoCircle ==
  (\E r \in Receivers : Open(r)) =>
    (\E r \in Receivers :
      \/ done[r] < sent[r]
      \/ (Open(r) /\ Turn(r, sent[r] + 1)))

Safety == TypeOK /\ InOrder /\ NoCircle

LiveAll == \A s \in Streams : []<>(Len(out[s]) = mark[s])

\* False: what was taken in first need not leave first; only its stream is
\* kept in order.
WrongAllInOrder ==
  \A r \in Receivers : \A q \in Receivers :
    (done[r] > 0 /\ Open(q)) => (j[r][done[r]].n < j[q][sent[q] + 1].n)

\* False: were a journal waited for as a whole, two streams that change
\* places would leave two journals that each wait for the other.
Whole(r) == \A i \in 1..Len(j[r]) : Turn(r, i)
WrongWhole ==
  (\A r \in Receivers : done[r] = 0 /\ Len(j[r]) > 0) => (\E r \in Receivers : Whole(r))
====
