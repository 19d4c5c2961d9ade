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

EdgeSend(s) ==
  /\ esent[s] < acc[s]
  /\ esent' = [esent EXCEPT ![s] = @ + 1]
  /\ net1' = [net1 EXCEPT ![s] = @ \cup {esent[s] + 1}]
  /\ UNCHANGED <<acc, edone, rj, rdur, rsent, rdone, net2, cj, cdur, flt>>

\* In order and without a gap; what is at or under the mark is not new.
RegionTake(s, k) ==
  /\ k \in net1[s] /\ k = Mark(rj[s]) + 1
  /\ rj' = [rj EXCEPT ![s] = Append(@, k)]
  /\ UNCHANGED <<acc, esent, edone, net1, rdur, rsent, rdone, net2, cj, cdur, flt>>

RegionSync(s) ==
  /\ rdur[s] < Len(rj[s])
  /\ rdur' = [rdur EXCEPT ![s] = Len(rj[s])]
  /\ UNCHANGED <<acc, esent, edone, net1, rj, rsent, rdone, net2, cj, cdur, flt>>

\* The answer for all up to the durable mark reaches the edge.
EdgeForget(s) ==
  /\ edone[s] < rdur[s] /\ rdur[s] <= esent[s]
  /\ edone' = [edone EXCEPT ![s] = rj[s][rdur[s]]]
  /\ UNCHANGED <<acc, esent, net1, rj, rdur, rsent, rdone, net2, cj, cdur, flt>>

\* No answer in time: again from what was answered.
EdgeAgain(s) ==
  /\ edone[s] < esent[s] /\ flt > 0
  /\ esent' = [esent EXCEPT ![s] = edone[s]] /\ flt' = flt - 1
  /\ UNCHANGED <<acc, edone, net1, rj, rdur, rsent, rdone, net2, cj, cdur>>

\* Only what is durable is forwarded: else the centre could hold more.
RegionSend(s) ==
  /\ rsent[s] < rdur[s]
  /\ rsent' = [rsent EXCEPT ![s] = @ + 1]
  /\ net2' = [net2 EXCEPT ![s] = @ \cup {rj[s][rsent[s] + 1]}]
  /\ UNCHANGED <<acc, esent, edone, net1, rj, rdur, rdone, cj, cdur, flt>>

CentreTake(s, k) ==
  /\ k \in net2[s] /\ k = Mark(cj[s]) + 1
  /\ cj' = [cj EXCEPT ![s] = Append(@, k)]
  /\ UNCHANGED <<acc, esent, edone, net1, rj, rdur, rsent, rdone, net2, cdur, flt>>

CentreSync(s) ==
  /\ cdur[s] < Len(cj[s])
  /\ cdur' = [cdur EXCEPT ![s] = Len(cj[s])]
  /\ UNCHANGED <<acc, esent, edone, net1, rj, rdur, rsent, rdone, net2, cj, flt>>

RegionForget(s) ==
  /\ rdone[s] < cdur[s] /\ cdur[s] <= rsent[s]
  /\ rdone' = [rdone EXCEPT ![s] = cj[s][cdur[s]]]
  /\ UNCHANGED <<acc, esent, edone, net1, rj, rdur, rsent, net2, cj, cdur, flt>>

RegionAgain(s) ==
  /\ rdone[s] < rsent[s] /\ flt > 0
  /\ rsent' = [rsent EXCEPT ![s] = rdone[s]] /\ flt' = flt - 1
  /\ UNCHANGED <<acc, esent, edone, net1, rj, rdur, rdone, net2, cj, cdur>>

EdgeCrash ==
  /\ flt > 0 /\ flt' = flt - 1
  /\ esent' = edone
  /\ UNCHANGED <<acc, edone, net1, rj, rdur, rsent, rdone, net2, cj, cdur>>

RegionCrash ==
  /\ flt > 0 /\ flt' = flt - 1
  /\ rj' = [s \in Sources |-> SubSeq(rj[s], 1, rdur[s])]
  /\ rsent' = rdone
  /\ UNCHANGED <<acc, esent, edone, net1, rdur, rdone, net2, cj, cdur>>

CentreCrash ==
  /\ flt > 0 /\ flt' = flt - 1
  /\ cj' = [s \in Sources |-> SubSeq(cj[s], 1, cdur[s])]
  /\ UNCHANGED <<acc, esent, edone, net1, rj, rdur, rsent, rdone, net2, cdur>>

Next ==
  \/ \E s \in Sources : Accept(s)
  \/ \E s \in Sources : EdgeSend(s)
  \/ \E s \in Sources : \E k \in 1..N : RegionTake(s, k)
  \/ \E s \in Sources : RegionSync(s)
  \/ \E s \in Sources : EdgeForget(s)
  \/ \E s \in Sources : EdgeAgain(s)
  \/ \E s \in Sources : RegionSend(s)
  \/ \E s \in Sources : \E k \in 1..N : CentreTake(s, k)
  \/ \E s \in Sources : CentreSync(s)
  \/ \E s \in Sources : RegionForget(s)
  \/ \E s \in Sources : RegionAgain(s)
  \/ EdgeCrash
  \/ RegionCrash
  \/ CentreCrash

\* What goes on by itself; faults are bounded.
Progress ==
  \E s \in Sources :
    \/ EdgeSend(s) \/ RegionSync(s) \/ EdgeForget(s) \/ RegionSend(s) \/ CentreSync(s) \/ RegionForget(s)
    \/ \E k \in 1..N : RegionTake(s, k) \/ CentreTake(s, k)

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
