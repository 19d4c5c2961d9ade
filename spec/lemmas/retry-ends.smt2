; unsat: for every MAX every step of a message makes its variant smaller, which never falls under zero: each message ends.
; n retries; w why it was given up: 0 not, 1 refused, 2 retries, 3 expired (src/send/retry.ts, src/send/machines/message.ts).
(declare-const MAX Int)
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
(declare-const s Int)(declare-const c Int)(declare-const y Int)
(declare-const s2 Int)(declare-const c2 Int)(declare-const y2 Int)
; Steps left: three for each retry that is left, and those of the phase.
(define-fun Left ((s Int)) Int (ite (= s 0) 2 (ite (= s 1) 1 (ite (= s 2) 0 (ite (= s 4) 2 (ite (= s 5) 1 (- 1)))))))
(define-fun V ((s Int)(c Int)) Int (+ (* 3 (- MAX c)) (Left s) 1))
(assert (>= MAX 0))
(assert (Inv s c y))
(assert (Step s c y s2 c2 y2))
(assert (not (and (>= (V s2 c2) 0) (< (V s2 c2) (V s c)))))
