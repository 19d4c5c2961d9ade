---- MODULE Intake ----
(***************************************************************************)
(* The promise of a receiver: a request that was answered with success is  *)
(* in the store in the end, exactly once, whatever crashes when.           *)
(*                                                                         *)
(* Segments: journal (append, write, fsync, answer), rows as files that    *)
(* may be lost and made again, the manifest that hands them over (rename,  *)
(* then fsync of the directory), insert under a token, mark, removal.      *)
(* Between any two of these the receiver, the store, or the machine may    *)
(* die. Histories of running programs are checked against this module      *)
(* step by step.                                                           *)
(***************************************************************************)
EXTENDS Naturals

CONSTANTS
  NS,        \* segments
  R,         \* records of a segment
  MaxFaults  \* budget of crashes and failed disk operations

Segs == 1..NS

VARIABLES seg, flt

vars == <<seg, flt>>

(***************************************************************************)
(* mode  what the receiver does with the segment: "lost" after a crash     *)
(* app   records appended: its file holds at most so many                  *)
(* wr    records whose write has returned                                  *)
(* dur   records whose fsync has returned                                  *)
(* ans   the last record that was answered with success                    *)
(* nat   records in the files of rows, 0 when they are not whole     *)
(* man   the manifest: none, published (visible, not yet durable), sealed, *)
(*       marking (renamed, not yet durable), hasty (the same, before the   *)
(*       manifest itself was durable), marked, removing, gone              *)
(* cnt   records that the manifest speaks of                               *)
(* sure  FALSE after a crash: a rename that was not durable may be undone  *)
(* ins   records in the store under the token of the segment               *)
(* tak   inserts under the token that the store took                        *)
(***************************************************************************)
New == [mode |-> "new", app |-> 0, wr |-> 0, dur |-> 0, ans |-> 0, nat |-> 0,
        man |-> "none", cnt |-> 0, sure |-> TRUE, ins |-> 0, tak |-> 0]

\* What a manifest is again when the rename to its mark is undone.
Unmarked(man) == IF man = "marking" THEN "sealed" ELSE IF man = "hasty" THEN "published" ELSE man

Init == seg = [s \in Segs |-> New] /\ flt = MaxFaults

---------------------------------------------------------------------------
(* The receiver                                                            *)

Open(s) ==
  /\ seg[s].mode = "new"
  /\ seg' = [seg EXCEPT ![s].mode = "open"]
  /\ UNCHANGED flt

Add(s, n) ==
  /\ seg[s].mode = "open" /\ n = seg[s].app + 1 /\ n <= R
  /\ seg' = [seg EXCEPT ![s].app = n]
  /\ UNCHANGED flt

\* A group is written: everything that was appended so far.
Write(s, n) ==
  /\ seg[s].mode \in {"open", "closed"} /\ seg[s].wr < n /\ n <= seg[s].app
  /\ seg' = [seg EXCEPT ![s].wr = n]
  /\ UNCHANGED flt

\* What was read back is fsynced before it is sealed.
Sync(s, n) ==
  /\ \/ seg[s].mode \in {"open", "closed"} /\ seg[s].dur < n
     \/ seg[s].mode = "replayed" /\ n = seg[s].app
  /\ n <= seg[s].wr
  /\ seg' = [seg EXCEPT ![s].dur = n]
  /\ UNCHANGED flt

\* The promise is made. Answers of one group may come in any order.
Answer(s, n) ==
  /\ seg[s].mode \in {"open", "closed", "failed", "replayed"} /\ 0 < n /\ n <= seg[s].dur
  /\ seg' = [seg EXCEPT ![s].ans = IF n > @ THEN n ELSE @]
  /\ UNCHANGED flt

\* A write or an fsync fails: who waits is refused, the file takes no more.
Fail(s) ==
  /\ seg[s].mode \in {"open", "closed"} /\ flt > 0
  /\ seg' = [seg EXCEPT ![s].mode = "failed"]
  /\ flt' = flt - 1

Close(s) ==
  /\ seg[s].mode \in {"open", "failed"}
  /\ seg' = [seg EXCEPT ![s].mode = IF @ = "open" THEN "closed" ELSE @]
  /\ UNCHANGED flt

\* What was refused is cut off, so that no later reader takes it for more.
Cut(s) ==
  /\ seg[s].mode \in {"failed", "closed"} \/ (seg[s].mode = "replayed" /\ seg[s].app = seg[s].dur)
  /\ seg[s].man \in {"none", "published"}
  /\ seg' = [seg EXCEPT ![s].app = seg[s].dur, ![s].wr = seg[s].dur]
  /\ UNCHANGED flt

\* The journal is read back: after a failure as far as it was durable, after
\* a crash as far as it is whole, which is at least that.
Replay(s, n) ==
  /\ \/ /\ seg[s].mode \in {"failed", "closed"} /\ n = seg[s].dur
        /\ seg[s].man \in {"none", "published"}
     \/ /\ seg[s].mode = "replayed" /\ n = seg[s].app
        /\ seg[s].man \in {"none", "published"}
     \/ /\ seg[s].mode = "lost" /\ seg[s].dur <= n /\ n <= seg[s].app
        /\ seg[s].man = "none" \/ (seg[s].man \in {"published", "hasty"} /\ ~seg[s].sure)
  /\ seg' = [seg EXCEPT ![s].mode = "replayed", ![s].app = n, ![s].wr = n,
                        ![s].man = IF seg[s].sure THEN @ ELSE "none",
                        ![s].sure = TRUE]
  /\ UNCHANGED flt

\* The rows are in files. These need not be durable: the journal is.
Files(s, n) ==
  /\ 0 < n /\ n = seg[s].app
  /\ \/ seg[s].mode = "closed" /\ seg[s].dur = n
     \/ seg[s].mode = "replayed"
  /\ seg[s].man \in {"none", "published"}
  /\ seg' = [seg EXCEPT ![s].nat = n]
  /\ UNCHANGED flt

\* The manifest gets its name: the store may see it from here on.
Publish(s, n) ==
  /\ 0 < n /\ n = seg[s].nat
  /\ \/ /\ seg[s].mode \in {"closed", "replayed"}
        /\ n = seg[s].app /\ n <= seg[s].dur
        /\ seg[s].man \in {"none", "published"}
        /\ seg' = [seg EXCEPT ![s].man = "published", ![s].cnt = n, ![s].sure = TRUE]
     \/ /\ seg[s].man \in {"published", "sealed"} /\ n = seg[s].cnt
        /\ seg' = [seg EXCEPT ![s].sure = TRUE]
  /\ UNCHANGED flt

\* The files of a sealed segment are made again from its journal.
Repair(s, n) ==
  /\ \/ seg[s].man \in {"published", "sealed"}
     \/ seg[s].man \in {"marking", "hasty"} /\ ~seg[s].sure
  /\ n = seg[s].cnt
  /\ seg' = [seg EXCEPT ![s].nat = n, ![s].sure = TRUE, ![s].man = Unmarked(@)]
  /\ UNCHANGED flt

\* The name is durable. The store may be further already.
Seal(s) ==
  /\ seg[s].man # "none"
  /\ seg' = [seg EXCEPT ![s].man = IF @ = "published" THEN "sealed"
                                    ELSE IF @ = "hasty" THEN "marking" ELSE @]
  /\ UNCHANGED flt

---------------------------------------------------------------------------
(* The store                                                               *)

\* The insert under the token: taken once, whatever it is repeated.
Load(s) ==
  /\ \/ seg[s].man \in {"published", "sealed"}
     \/ seg[s].man \in {"marking", "hasty"} /\ ~seg[s].sure
  /\ seg[s].nat = seg[s].cnt
  /\ seg' = [seg EXCEPT ![s].ins = IF @ = 0 THEN seg[s].cnt ELSE @,
                        ![s].tak = IF @ = 0 THEN 1 ELSE @,
                        ![s].man = Unmarked(@),
                        ![s].sure = TRUE]
  /\ UNCHANGED flt

\* The manifest is renamed to a mark: it is never loaded again.
Mark(s) ==
  /\ seg[s].man \in {"published", "sealed"} /\ seg[s].ins > 0
  /\ seg' = [seg EXCEPT ![s].man = IF @ = "published" THEN "hasty" ELSE "marking", ![s].sure = TRUE]
  /\ UNCHANGED flt

Marked(s) ==
  /\ seg[s].man \in {"marking", "hasty"} /\ seg[s].sure
  /\ seg' = [seg EXCEPT ![s].man = "marked"]
  /\ UNCHANGED flt

\* Journal and rows are removed; after a crash also where the mark is found.
Remove(s) ==
  /\ \/ seg[s].man = "marked"
     \/ seg[s].man \in {"marking", "hasty", "removing", "gone"} /\ ~seg[s].sure
  /\ seg' = [seg EXCEPT ![s].man = "removing", ![s].nat = 0, ![s].sure = TRUE]
  /\ UNCHANGED flt

Forget(s) ==
  /\ seg[s].man = "removing" /\ seg[s].sure
  /\ seg' = [seg EXCEPT ![s].man = "gone"]
  /\ UNCHANGED flt

---------------------------------------------------------------------------
(* Crashes: what was not durable may be there or not, and that is not      *)
(* known before somebody looks.                                            *)

\* The receiver starts again, with the machine or alone.
Boot ==
  /\ flt > 0
  /\ seg' = [s \in Segs |->
       IF seg[s].mode = "new" THEN seg[s]
       ELSE [seg[s] EXCEPT !.mode = "lost", !.sure = seg[s].man = "none"]]
  /\ flt' = flt - 1

StoreBoot ==
  /\ flt > 0
  /\ seg' = [s \in Segs |->
       [seg[s] EXCEPT !.sure = IF seg[s].man \in {"marking", "hasty", "removing", "gone"} THEN FALSE ELSE @]]
  /\ flt' = flt - 1

\* A power failure, or time, takes files that were not fsynced. Nobody sees
\* it happen: no history names this step.
Lose(s) ==
  /\ flt > 0 /\ seg[s].nat > 0
  /\ seg' = [seg EXCEPT ![s].nat = 0]
  /\ flt' = flt - 1

---------------------------------------------------------------------------

Next ==
  \/ \E s \in Segs : Open(s)
  \/ \E s \in Segs : \E n \in 1..R : Add(s, n)
  \/ \E s \in Segs : \E n \in 1..R : Write(s, n)
  \/ \E s \in Segs : \E n \in 1..R : Sync(s, n)
  \/ \E s \in Segs : \E n \in 1..R : Answer(s, n)
  \/ \E s \in Segs : Fail(s)
  \/ \E s \in Segs : Close(s)
  \/ \E s \in Segs : Cut(s)
  \/ \E s \in Segs : \E n \in 0..R : Replay(s, n)
  \/ \E s \in Segs : \E n \in 1..R : Files(s, n)
  \/ \E s \in Segs : \E n \in 1..R : Publish(s, n)
  \/ \E s \in Segs : \E n \in 1..R : Repair(s, n)
  \/ \E s \in Segs : Seal(s)
  \/ \E s \in Segs : Load(s)
  \/ \E s \in Segs : Mark(s)
  \/ \E s \in Segs : Marked(s)
  \/ \E s \in Segs : Remove(s)
  \/ \E s \in Segs : Forget(s)
  \/ \E s \in Segs : Lose(s)
  \/ Boot
  \/ StoreBoot

\* What goes on by itself. Opening, appending and crashing may stop.
Progress ==
  \E s \in Segs :
    \/ Seal(s) \/ Load(s) \/ Mark(s) \/ Marked(s) \/ Remove(s) \/ Forget(s) \/ Close(s)
    \/ \E n \in 0..R : Write(s, n) \/ Sync(s, n) \/ Replay(s, n) \/ Files(s, n) \/ Publish(s, n)
    \/ \E n \in 1..R : Repair(s, n)

Spec == Init /\ [][Next]_vars /\ WF_vars(Progress)

---------------------------------------------------------------------------

Modes == {"new", "open", "closed", "failed", "lost", "replayed"}
Manifests == {"none", "published", "sealed", "marking", "hasty", "marked", "removing", "gone"}

TypeOK ==
  /\ flt <= MaxFaults
  /\ \A s \in Segs :
       /\ seg[s].mode \in Modes /\ seg[s].man \in Manifests /\ seg[s].sure \in BOOLEAN
       /\ seg[s].dur <= seg[s].wr /\ seg[s].wr <= seg[s].app /\ seg[s].app <= R

\* Answered means durable in the journal.
AnsweredDurable == \A s \in Segs : seg[s].ans <= seg[s].dur

\* No loss: what was answered is in the journal, also when a manifest speaks
\* of it, until it is in the store; and nothing is removed before.
NoLoss ==
  \A s \in Segs :
    /\ seg[s].man = "none" => seg[s].app >= seg[s].ans
    /\ seg[s].man # "none" => seg[s].cnt >= seg[s].ans
    /\ seg[s].man \in {"marked", "removing", "gone"} => seg[s].ins >= seg[s].ans
    /\ seg[s].man \in {"marking", "hasty", "marked", "removing", "gone"} => seg[s].ins > 0

\* Exactly once: an insert is whole or repeats what is there.
Once == \A s \in Segs : seg[s].tak <= 1

\* What the store holds is what some seal held: all that was answered.
StoreWhole == \A s \in Segs : seg[s].ins > 0 => seg[s].ins >= seg[s].ans

\* The files are those of the manifest, or not to be used; what the manifest
\* speaks of is durable in the journal, so that they can be made again.
RowsAgain ==
  \A s \in Segs :
    seg[s].man \in {"published", "sealed", "marking", "hasty"} =>
      (seg[s].nat \in {0, seg[s].cnt} /\ seg[s].cnt <= seg[s].dur)

Safety == TypeOK /\ AnsweredDurable /\ NoLoss /\ Once /\ StoreWhole /\ RowsAgain

\* Everything answered is stored in the end.
LiveStored == \A s \in Segs : []<>(seg[s].ans > 0 => seg[s].ins >= seg[s].ans)

---------------------------------------------------------------------------
(* Usual statements that are false; each is kept to be refuted.            *)

WrongAnsweredStored == \A s \in Segs : seg[s].ans > 0 => seg[s].ins > 0
WrongStoredAnswered == \A s \in Segs : seg[s].ins > 0 => seg[s].ins = seg[s].ans
WrongRowsThere == \A s \in Segs : seg[s].man = "sealed" => seg[s].nat = seg[s].cnt
WrongReplayedAnswered == \A s \in Segs : seg[s].mode = "replayed" => seg[s].app = seg[s].ans
WrongLoadedOnce == \A s \in Segs : seg[s].ins > 0 => seg[s].sure
WrongGoneForGood == \A s \in Segs : seg[s].man = "gone" => seg[s].sure
====
