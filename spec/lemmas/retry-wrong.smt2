; sat: false: a message that failed has used up its retries. One step leads out of it.
; Phases: 0 PENDING 1 SENDING 2 SENT 3 ACKED 4 FAILED 5 RETRYING 6 DEAD;
; n retries; w why it was given up: 0 not, 1 refused, 2 retries, 3 expired (src/send/retry.ts, src/send/machines/message.ts).
(declare-sort Msg 0)
(declare-fun st (Msg) Int)(declare-fun n (Msg) Int)(declare-fun w (Msg) Int)
(declare-fun st2 (Msg) Int)(declare-fun n2 (Msg) Int)(declare-fun w2 (Msg) Int)
(declare-const MAX Int)(declare-const k Msg)
(define-fun Inv ((s Int)(c Int)(y Int)) Bool
  (and (<= 0 s 6) (<= 0 c MAX) (<= 0 y 3)
       (=> (= s 0) (= c 0)) (=> (or (= s 4) (= s 5)) (>= c 1))
       (= (= s 6) (not (= y 0))) (=> (= y 2) (= c MAX))))
(define-fun Failed ((c Int)(s2 Int)(c2 Int)(y2 Int)) Bool
  (or (and (< c MAX) (= s2 4) (= c2 (+ c 1)) (= y2 0))
      (and (= s2 6) (= c2 c) (= y2 1))
      (and (>= c MAX) (= s2 6) (= c2 c) (= y2 2))
      (and (< c MAX) (= s2 6) (= c2 c) (= y2 3))))
(define-fun Step ((s Int)(c Int)(y Int)(s2 Int)(c2 Int)(y2 Int)) Bool
  (or (and (= s 0) (= s2 1) (= c2 c) (= y2 y))
      (and (= s 4) (= s2 5) (= c2 c) (= y2 y))
      (and (or (= s 1) (= s 5)) (= s2 2) (= c2 c) (= y2 y))
      (and (= s 2) (= s2 3) (= c2 c) (= y2 y))
      (and (or (= s 1) (= s 2) (= s 5)) (Failed c s2 c2 y2))))
(define-fun Wrong ((s Int)(c Int)) Bool (=> (= s 4) (= c MAX)))
(assert (>= MAX 0))
(assert (forall ((m Msg)) (and (Inv (st m) (n m) (w m)) (Wrong (st m) (n m)))))
(assert (Step (st k) (n k) (w k) (st2 k) (n2 k) (w2 k)))
(assert (not (Wrong (st2 k) (n2 k))))
