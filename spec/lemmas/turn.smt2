; unsat: for every number of retries R, answer within D and pause of at most B: a message has the destination for no longer than
; (R + 1) * D + R * B ticks. used: ticks so far; cap: what the tries made so far may have used at most.
(declare-const R Int)(declare-const D Int)(declare-const B Int)
(declare-const ph Int)(declare-const t Int)(declare-const r Int)(declare-const used Int)
(declare-const ph2 Int)(declare-const t2 Int)(declare-const r2 Int)(declare-const used2 Int)
(define-fun Before ((p Int)(r Int)) Int (ite (= p 0) (+ (* r D) (* r B)) (+ (* r D) (* (- r 1) B))))
(define-fun Inv ((p Int)(t Int)(r Int)(u Int)) Bool
  (and (<= 0 p 1) (<= 0 r R) (>= t 0) (=> (= p 0) (<= t D)) (=> (= p 1) (and (<= t B) (>= r 1))) (<= u (+ (Before p r) t))))
(define-fun Fail () Bool (and (= ph 0) (< r R) (= ph2 1) (= t2 0) (= r2 (+ r 1)) (= used2 used)))
(define-fun Retry () Bool (and (= ph 1) (= ph2 0) (= t2 0) (= r2 r) (= used2 used)))
(define-fun Tick () Bool
  (and (or (and (= ph 0) (< t D)) (and (= ph 1) (< t B))) (= ph2 ph) (= t2 (+ t 1)) (= r2 r) (= used2 (+ used 1))))
(assert (and (>= R 0) (>= D 0) (>= B 0)))
(assert (Inv ph t r used))
(assert (or Fail Retry Tick))
(assert (not (and (Inv ph2 t2 r2 used2) (<= used2 (+ (* (+ R 1) D) (* R B))))))
