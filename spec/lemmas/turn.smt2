; unsat: for every number of retries R, answer within D, pause of at most B, and time A in which a giving up is written down: a message has
; the destination for no longer than (R + 1) * D + R * B + A ticks. ph: sent, waiting, noting; used: ticks so far.
(declare-const R Int)(declare-const D Int)(declare-const B Int)(declare-const A Int)
(declare-const ph Int)(declare-const t Int)(declare-const r Int)(declare-const used Int)
(declare-const ph2 Int)(declare-const t2 Int)(declare-const r2 Int)(declare-const used2 Int)
(define-fun Before ((p Int)(r Int)) Int
  (ite (= p 0) (+ (* r D) (* r B)) (ite (= p 1) (+ (* r D) (* (- r 1) B)) (+ (* (+ R 1) D) (* R B)))))
(define-fun Inv ((p Int)(t Int)(r Int)(u Int)) Bool
  (and (<= 0 p 2) (<= 0 r R) (>= t 0) (=> (= p 0) (<= t D)) (=> (= p 1) (and (<= t B) (>= r 1)))
       (=> (= p 2) (<= t A)) (<= u (+ (Before p r) t))))
(define-fun Fail () Bool (and (= ph 0) (< r R) (= ph2 1) (= t2 0) (= r2 (+ r 1)) (= used2 used)))
(define-fun Retry () Bool (and (= ph 1) (= ph2 0) (= t2 0) (= r2 r) (= used2 used)))
(define-fun GiveUp () Bool (and (= ph 0) (= r R) (= ph2 2) (= t2 0) (= r2 r) (= used2 used)))
(define-fun Tick () Bool
  (and (or (and (= ph 0) (< t D)) (and (= ph 1) (< t B)) (and (= ph 2) (< t A))) (= ph2 ph) (= t2 (+ t 1)) (= r2 r) (= used2 (+ used 1))))
(assert (and (>= R 0) (>= D 0) (>= B 0) (>= A 0)))
(assert (Inv ph t r used))
(assert (or Fail Retry GiveUp Tick))
(assert (not (and (Inv ph2 t2 r2 used2) (<= used2 (+ (* (+ R 1) D) (* R B) A)))))
