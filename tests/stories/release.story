# Giving back what one no longer has is a success; giving back what one bought is not possible.

receive cards=2
----
Received 2 in batch 1
<Pool DEMO shelf=2 held=0 sold=0 void=0>

allocate r1 for=10m
----
Held h1 [1-0] until 10m
<Pool DEMO shelf=1 held=1 sold=0 void=0>

tick 10m
----
HoldExpired h1
<Pool DEMO shelf=2 held=0 sold=0 void=0>

release x1 h1
----
Released h1 EXPIRED
<Pool DEMO shelf=2 held=0 sold=0 void=0>

allocate r2 for=10m
----
Held h2 [1-0] until 20m
<Pool DEMO shelf=1 held=1 sold=0 void=0>

release x2 h2
----
Released h2 RELEASED
<Pool DEMO shelf=2 held=0 sold=0 void=0>

release x3 h2
----
Released h2 RELEASED
<Pool DEMO shelf=2 held=0 sold=0 void=0>

extend e1 h2 for=10m
----
HOLD_RELEASED state=RELEASED endedAtMs=10m
<Pool DEMO shelf=2 held=0 sold=0 void=0>

allocate r3 for=10m
----
Held h3 [1-0] until 20m
<Pool DEMO shelf=1 held=1 sold=0 void=0>

confirm c3 h3
----
Confirmed h3 [1-0]
<Pool DEMO shelf=1 held=0 sold=1 void=0>

release x4 h3
----
HOLD_ALREADY_CONFIRMED
<Pool DEMO shelf=1 held=0 sold=1 void=0>

release x5 h4
----
HOLD_NOT_FOUND
<Pool DEMO shelf=1 held=0 sold=1 void=0>
