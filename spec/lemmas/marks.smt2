; unsat: for any number of items, in whatever order and however often they arrive: a hop that takes item k only when k is its mark + 1, and
; loses in a crash no more than what was not durable, holds the items from 1 on in order, each once; and what was forgotten before it, it holds durably.
(declare-const len Int)(declare-const dur Int)(declare-const done Int)(declare-const k Int)
(declare-const len2 Int)(declare-const dur2 Int)(declare-const done2 Int)
(declare-const j (Array Int Int))(declare-const j2 (Array Int Int))
(define-fun Mark ((l Int)(a (Array Int Int))) Int (ite (= l 0) 0 (select a l)))
(define-fun Inv ((l Int)(d Int)(f Int)(a (Array Int Int))) Bool
  (and (<= 0 f d l) (forall ((i Int)) (=> (and (<= 1 i) (<= i l)) (= (select a i) i)))))
(define-fun Take () Bool
  (and (= k (+ (Mark len j) 1)) (= len2 (+ len 1)) (= j2 (store j len2 k)) (= dur2 dur) (= done2 done)))
(define-fun Sync () Bool (and (= dur2 len) (= len2 len) (= j2 j) (= done2 done)))
(define-fun Forget () Bool (and (= done2 dur) (= dur2 dur) (= len2 len) (= j2 j)))
(define-fun Crash () Bool (and (= len2 dur) (= dur2 dur) (= j2 j) (= done2 done)))
(assert (Inv len dur done j))
(assert (or Take Sync Forget Crash))
(assert (not (Inv len2 dur2 done2 j2)))
