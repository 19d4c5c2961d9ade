; unsat: for every rate, burst and window: what a token bucket lets begin in t ticks is at most rate * (t - 1) + burst.
; sum: begun since the window began; cap: rate * (ticks passed in it) + burst. A step begins x requests, or passes a tick.
(declare-const rate Int)(declare-const burst Int)
(declare-const tok Int)(declare-const sum Int)(declare-const cap Int)
(declare-const tok2 Int)(declare-const sum2 Int)(declare-const cap2 Int)(declare-const x Int)
(define-fun Inv ((t Int)(s Int)(c Int)) Bool (and (<= 0 t burst) (>= s 0) (<= (+ s t) c)))
(define-fun Begin () Bool (and (<= 0 x tok) (= tok2 (- tok x)) (= sum2 (+ sum x)) (= cap2 cap)))
(define-fun Tick () Bool
  (and (= tok2 (ite (< (+ tok rate) burst) (+ tok rate) burst)) (= sum2 sum) (= cap2 (+ cap rate))))
(define-fun Opens () Bool (and (= tok2 tok) (= sum2 0) (= cap2 burst)))
(assert (and (>= rate 0) (>= burst 0)))
(assert (Inv tok sum cap))
(assert (or Begin Tick Opens))
(assert (not (and (Inv tok2 sum2 cap2) (<= sum2 cap2))))
