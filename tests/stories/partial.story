# All or none, unless part is asked for; and part of a hold can be paid.

receive cards=3
----
Received 3 in batch 1
<Pool DEMO shelf=3 held=0 sold=0 void=0>

allocate r1 count=4
----
OUT_OF_STOCK requested=4 available=3
<Pool DEMO shelf=3 held=0 sold=0 void=0>

allocate r2 count=4 partial
----
Held h1 [1-0 1-1 1-2] until 10m
<Pool DEMO shelf=0 held=3 sold=0 void=0>

allocate r3 count=4 partial
----
OUT_OF_STOCK requested=4 available=0
<Pool DEMO shelf=0 held=3 sold=0 void=0>

confirm c1 h1 count=4
----
INVALID_QUANTITY quantity=4 min=1 max=3
<Pool DEMO shelf=0 held=3 sold=0 void=0>

confirm c2 h1 count=2
----
Confirmed h1 [1-0 1-1] returned=1
<Pool DEMO shelf=1 held=0 sold=2 void=0>

allocate r4
----
Held h2 [1-2] until 10m
<Pool DEMO shelf=0 held=1 sold=2 void=0>

release x1 h2
----
Released h2 RELEASED
<Pool DEMO shelf=1 held=0 sold=2 void=0>

audit
----
Audited in order
<Pool DEMO shelf=1 held=0 sold=2 void=0>
