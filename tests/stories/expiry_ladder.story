# Staff are warned of cards that end, once on each step, with what they would lose. What nobody knows the cost of has no sum.

receive cards=3 cost=500CNY expires=40d
----
Received 3 in batch 1
<Pool DEMO shelf=3 held=0 sold=0 void=0>

receive cards=1 expires=5d
----
Received 1 in batch 2
<Pool DEMO shelf=4 held=0 sold=0 void=0>

review
----
Reviewed warned=1 repriced=0 waiting=0
ExpiryWarned 7d batch=2 cards=1 risk=none
<Pool DEMO shelf=4 held=0 sold=0 void=0>

expiring
----
Expiring 2:1<7d told
<Pool DEMO shelf=4 held=0 sold=0 void=0>

review
----
Reviewed warned=0 repriced=0 waiting=0
<Pool DEMO shelf=4 held=0 sold=0 void=0>

tick 10d
----
<Pool DEMO shelf=4 held=0 sold=0 void=0>

review
----
Reviewed warned=1 repriced=0 waiting=0
ExpiryWarned 30d batch=1 cards=3 risk=1500CNY
<Pool DEMO shelf=4 held=0 sold=0 void=0>

review
----
Reviewed warned=0 repriced=0 waiting=0
<Pool DEMO shelf=4 held=0 sold=0 void=0>

# A card that comes back is not told of again on the same step.

allocate a1 for=1h
----
Held h1 [1-0] until 14460m
<Pool DEMO shelf=3 held=1 sold=0 void=0>

expiring
----
Expiring 1:2<30d told
<Pool DEMO shelf=3 held=1 sold=0 void=0>

tick 16d
----
HoldExpired h1
<Pool DEMO shelf=4 held=0 sold=0 void=0>

review
----
Reviewed warned=1 repriced=0 waiting=0
ExpiryWarned 14d batch=1 cards=3 risk=1500CNY
<Pool DEMO shelf=4 held=0 sold=0 void=0>

# Nobody looked for a fortnight: the step of 7 days went by untold, and that of 1 is told alone.

tick 13d
----
<Pool DEMO shelf=4 held=0 sold=0 void=0>

review
----
Reviewed warned=1 repriced=0 waiting=0
ExpiryWarned 1d batch=1 cards=3 risk=1500CNY
<Pool DEMO shelf=4 held=0 sold=0 void=0>

review
----
Reviewed warned=0 repriced=0 waiting=0
<Pool DEMO shelf=4 held=0 sold=0 void=0>

tick 1d
----
<Pool DEMO shelf=4 held=0 sold=0 void=0>

review
----
Reviewed warned=0 repriced=0 waiting=0
<Pool DEMO shelf=4 held=0 sold=0 void=0>

allocate a2
----
OUT_OF_STOCK requested=1 available=0
<Pool DEMO shelf=4 held=0 sold=0 void=0>

