---- MODULE Tier ----
(***************************************************************************)
(* Edge, regional, central: each hop journals before it answers, forwards  *)
(* from its journal in order, and forgets what the next hop has answered.  *)
(* Each hop remembers, durably and for each source, the highest item that  *)
(* it has taken (its mark): what is at or under it is answered, not taken. *)
(* The network may lose, double and delay everything.                      *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
  S,         \* sources: edges
  N,         \* items of each source, in the order of their sequence
  MaxFaults  \* budget of crashes and of answers that do not come

Sources == 1..S

VARIABLES
  acc,   \* edge, durable: items accepted
  esent, \* edge, volatile: sent up to here
  edone, \* edge, durable: answered and forgotten up to here
  net1,  \* requests edge -> regional, for each source; any may arrive again
  rj,    \* regional: journal of each source, items in order
  rdur,  \* regional: durable length of it
  rsent, rdone, net2,
  cj,    \* centre: what it took, in order
  cdur,
  flt

vars == <<acc, esent, edone, net1, rj, rdur, rsent, rdone, net2, cj, cdur, flt>>

Zero == [s \in Sources |-> 0]
Empty == [s \in Sources |-> <<>>]

Init ==
  /\ acc = Zero /\ esent = Zero /\ edone = Zero
  /\ net1 = [s \in Sources |-> {}]
  /\ rj = Empty /\ rdur = Zero /\ rsent = Zero /\ rdone = Zero
  /\ net2 = [s \in Sources |-> {}]
  /\ cj = Empty /\ cdur = Zero
  /\ flt = MaxFaults

\* The highest item taken: the last one of the journal.
Mark(j) == IF j = <<>> THEN 0 ELSE j[Len(j)]

Accept(s) ==
  /\ acc[s] < N
  /\ acc' = [acc EXCEPT ![s] = @ + 1]
  /\ UNCHANGED <<esent, edone, net1, rj, rdur, rsent, rdone, net2, cj, cdur, flt>>

\* In order.
EdgeSend(s, k) ==
  /\ k = esent[s] + 1 /\ k <= acc[s]
  /\ esent' = [esent EXCEPT ![s] = k]
  /\ net1' = [net1 EXCEPT ![s] = @ \cup {k}]
  /\ UNCHANGED <<acc, edone, rj, rdur, rsent, rdone, net2, cj, cdur, flt>>

\* In order and without a gap; what is at or under the mark is not new.
RegionTake(s, k) ==
  /\ k \in net1[s] /\ k = Mark(rj[s]) + 1
  /\ rj' = [rj EXCEPT ![s] = Append(@, k)]
  /\ UNCHANGED <<acc, esent, edone, net1, rdur, rsent, rdone, net2, cj, cdur, flt>>

RegionSync(s, n) ==
  /\ rdur[s] < n /\ n <= Len(rj[s])
  /\ rdur' = [rdur EXCEPT ![s] = n]
  /\ UNCHANGED <<acc, esent, edone, net1, rj, rsent, rdone, net2, cj, cdur, flt>>

\* The answer for all up to k, which the region holds durably, has reached
\* the edge, and that is written down.
EdgeForget(s, k) ==
  /\ edone[s] < k /\ k <= rdur[s] /\ k <= esent[s]
  /\ edone' = [edone EXCEPT ![s] = rj[s][k]]
  /\ UNCHANGED <<acc, esent, net1, rj, rdur, rsent, rdone, net2, cj, cdur, flt>>

\* No answer in time: again from behind k, not before what was answered.
EdgeAgain(s, k) ==
  /\ edone[s] <= k /\ k < esent[s] /\ flt > 0
  /\ esent' = [esent EXCEPT ![s] = k] /\ flt' = flt - 1
  /\ UNCHANGED <<acc, edone, net1, rj, rdur, rsent, rdone, net2, cj, cdur>>

\* Only what is durable is forwarded: else the centre could hold more.
RegionSend(s, k) ==
  /\ k = rsent[s] + 1 /\ k <= rdur[s]
  /\ rsent' = [rsent EXCEPT ![s] = k]
  /\ net2' = [net2 EXCEPT ![s] = @ \cup {rj[s][k]}]
  /\ UNCHANGED <<acc, esent, edone, net1, rj, rdur, rdone, cj, cdur, flt>>

CentreTake(s, k) ==
  /\ k \in net2[s] /\ k = Mark(cj[s]) + 1
  /\ cj' = [cj EXCEPT ![s] = Append(@, k)]
  /\ UNCHANGED <<acc, esent, edone, net1, rj, rdur, rsent, rdone, net2, cdur, flt>>

CentreSync(s, n) ==
  /\ cdur[s] < n /\ n <= Len(cj[s])
  /\ cdur' = [cdur EXCEPT ![s] = n]
  /\ UNCHANGED <<acc, esent, edone, net1, rj, rdur, rsent, rdone, net2, cj, flt>>

RegionForget(s, k) ==
  /\ rdone[s] < k /\ k <= cdur[s] /\ k <= rsent[s]
  /\ rdone' = [rdone EXCEPT ![s] = cj[s][k]]
  /\ UNCHANGED <<acc, esent, edone, net1, rj, rdur, rsent, net2, cj, cdur, flt>>

RegionAgain(s, k) ==
  /\ rdone[s] <= k /\ k < rsent[s] /\ flt > 0
  /\ rsent' = [rsent EXCEPT ![s] = k] /\ flt' = flt - 1
  /\ UNCHANGED <<acc, esent, edone, net1, rj, rdur, rdone, net2, cj, cdur>>

\* What sends and what takes in are processes of their own. The next one that
\* sends goes on behind what is written down.
EdgeCrash ==
  /\ flt > 0 /\ flt' = flt - 1
  /\ esent' = edone
  /\ UNCHANGED <<acc, edone, net1, rj, rdur, rsent, rdone, net2, cj, cdur>>

RegionStop ==
  /\ flt > 0 /\ flt' = flt - 1
  /\ rsent' = rdone
  /\ UNCHANGED <<acc, esent, edone, net1, rj, rdur, rdone, net2, cj, cdur>>

\* The next one that takes in reads back so many items of each source: those
\* that are durable at least, and it makes them so.
Kept(j, dur, keep) == \A s \in Sources : dur[s] <= keep[s] /\ keep[s] <= Len(j[s])

RegionCrash(keep) ==
  /\ flt > 0 /\ flt' = flt - 1
  /\ Kept(rj, rdur, keep)
  /\ rj' = [s \in Sources |-> SubSeq(rj[s], 1, keep[s])]
  /\ rdur' = keep
  /\ UNCHANGED <<acc, esent, edone, net1, rsent, rdone, net2, cj, cdur>>

CentreCrash(keep) ==
  /\ flt > 0 /\ flt' = flt - 1
  /\ Kept(cj, cdur, keep)
  /\ cj' = [s \in Sources |-> SubSeq(cj[s], 1, keep[s])]
  /\ cdur' = keep
  /\ UNCHANGED <<acc, esent, edone, net1, rj, rdur, rsent, rdone, net2>>

Items == 0..N
Lengths == [Sources -> Items]

Next ==
  \/ \E s \in Sources : Accept(s)
  \/ \E s \in Sources : \E k \in Items : EdgeSend(s, k)
  \/ \E s \in Sources : \E k \in Items : RegionTake(s, k)
  \/ \E s \in Sources : \E n \in Items : RegionSync(s, n)
  \/ \E s \in Sources : \E k \in Items : EdgeForget(s, k)
  \/ \E s \in Sources : \E k \in Items : EdgeAgain(s, k)
  \/ \E s \in Sources : \E k \in Items : RegionSend(s, k)
  \/ \E s \in Sources : \E k \in Items : CentreTake(s, k)
  \/ \E s \in Sources : \E n \in Items : CentreSync(s, n)
  \/ \E s \in Sources : \E k \in Items : RegionForget(s, k)
  \/ \E s \in Sources : \E k \in Items : RegionAgain(s, k)
  \/ EdgeCrash
  \/ RegionStop
  \/ \E keep \in Lengths : RegionCrash(keep)
  \/ \E keep \in Lengths : CentreCrash(keep)

\* What goes on by itself; faults are bounded.
Progress ==
  \E s \in Sources : \E k \in Items :
    \/ EdgeSend(s, k) \/ RegionTake(s, k) \/ RegionSync(s, k) \/ EdgeForget(s, k)
    \/ RegionSend(s, k) \/ CentreTake(s, k) \/ CentreSync(s, k) \/ RegionForget(s, k)

Spec == Init /\ [][Next]_vars /\ WF_vars(Progress)

TypeOK ==
  \A s \in Sources :
    /\ edone[s] <= esent[s] /\ esent[s] <= acc[s] /\ acc[s] <= N
    /\ rdone[s] <= rsent[s] /\ rdur[s] <= Len(rj[s]) /\ cdur[s] <= Len(cj[s])

\* In the order of the source, each once, none left out.
InOrder == \A s \in Sources : \A i \in 1..Len(cj[s]) : cj[s][i] = i
OnceInRegion == \A s \in Sources : \A i \in 1..Len(rj[s]) : rj[s][i] = i

\* What a hop has forgotten, the next one holds durably.
NoLoss == \A s \in Sources : edone[s] <= rdur[s] /\ rdone[s] <= cdur[s]

\* Nothing comes from nowhere.
NoInvent == \A s \in Sources : Len(cj[s]) <= rdur[s] /\ Len(rj[s]) <= acc[s]

Safety == TypeOK /\ InOrder /\ OnceInRegion /\ NoLoss /\ NoInvent

LiveAll == \A s \in Sources : []<>(cdur[s] = acc[s])

\* False: an item that is forgotten at the edge is not yet at the centre.
WrongForgottenStored == \A s \in Sources : edone[s] <= cdur[s]
\* False: what the regional holds is not all durable.
WrongTakenDurable == \A s \in Sources : Len(rj[s]) = rdur[s]
====
