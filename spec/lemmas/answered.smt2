; unsat: for any number of records: what is answered is durable in the journal, in a sealed segment, or in the store, over every step of
; append, fsync, answer, seal, load, remove and crash (spec/Intake.tla with its counters alone); and what is sealed can be made again.
; man: 0 none 1 visible 2 durable 3 removed; the journal holds dur..app records after a crash, n of them are read back.
(declare-const app Int)(declare-const dur Int)(declare-const ans Int)(declare-const cnt Int)(declare-const ins Int)(declare-const man Int)
(declare-const app2 Int)(declare-const dur2 Int)(declare-const ans2 Int)(declare-const cnt2 Int)(declare-const ins2 Int)(declare-const man2 Int)
(declare-const open Bool)(declare-const open2 Bool)(declare-const n Int)
(define-fun Inv ((a Int)(d Int)(w Int)(c Int)(i Int)(m Int)(o Bool)) Bool
  (and (<= 0 w d a) (>= c 0) (>= i 0) (<= 0 m 3)
       (=> o (and (= m 0) (= i 0)))
       (=> (>= m 1) (>= c w)) (=> (> i 0) (>= i w)) (=> (= m 3) (>= i w)) (=> (<= 1 m 2) (<= c d)) (=> (>= m 1) (> c 0))))
(define-fun Same ((a Bool)(b Bool)(c Bool)(d Bool)(e Bool)(f Bool)(g Bool)) Bool
  (and (=> a (= app2 app)) (=> b (= dur2 dur)) (=> c (= ans2 ans)) (=> d (= cnt2 cnt)) (=> e (= ins2 ins)) (=> f (= man2 man)) (=> g (= open2 open))))
(define-fun Add () Bool (and open (= app2 (+ app 1)) (Same false true true true true true true)))
(define-fun Sync () Bool (and open (< dur n) (<= n app) (= dur2 n) (Same true false true true true true true)))
(define-fun Answer () Bool (and open (< ans n) (<= n dur) (= ans2 n) (Same true true false true true true true)))
(define-fun Close () Bool (and open (= dur app) (not open2) (Same true true true true true true false)))
(define-fun Crash () Bool (and (not open2) (or (= man2 man) (and (= man 1) (= man2 0))) (Same true true true true true false false)))
(define-fun Replay () Bool (and (not open) (= man 0) (<= dur n) (<= n app) (= app2 n) (Same false true true true true true true)))
(define-fun Harden () Bool (and (not open) (= man 0) (= dur2 app) (Same true false true true true true true)))
(define-fun Publish () Bool (and (not open) (<= man 1) (> app 0) (<= app dur) (= cnt2 app) (= man2 1) (Same true true true false true false true)))
(define-fun Seal () Bool (and (= man 1) (= man2 2) (Same true true true true true false true)))
(define-fun Load () Bool (and (<= 1 man 2) (= ins2 (ite (= ins 0) cnt ins)) (Same true true true true false true true)))
(define-fun Remove () Bool (and (<= 1 man 2) (> ins 0) (= man2 3) (Same true true true true true false true)))
(assert (Inv app dur ans cnt ins man open))
(assert (or Add Sync Answer Close Crash Replay Harden Publish Seal Load Remove))
(assert (not (Inv app2 dur2 ans2 cnt2 ins2 man2 open2)))
