# Two buyers, one card. The second is refused, waits, and wins after the first hold's deadline.

receive cards=1
----
Received 1 in batch 1
<Pool DEMO shelf=1 held=0 sold=0 void=0>

allocate r1 for=10m
----
Held h1 [1-0] until 10m
<Pool DEMO shelf=0 held=1 sold=0 void=0>

allocate r2
----
OUT_OF_STOCK requested=1 available=0
<Pool DEMO shelf=0 held=1 sold=0 void=0>

tick 10m
----
HoldExpired h1
<Pool DEMO shelf=1 held=0 sold=0 void=0>

# The refusal was definite: the same request stays refused, a new one (for the same order) is judged anew.

allocate r2
----
OUT_OF_STOCK requested=1 available=0 (again)
<Pool DEMO shelf=1 held=0 sold=0 void=0>

allocate r3 order=order-r2
----
Held h2 [1-0] until 20m
<Pool DEMO shelf=0 held=1 sold=0 void=0>

confirm c1 h1
----
HOLD_EXPIRED state=EXPIRED endedAtMs=10m refundDue=true
RefundRaised h1 pay-c1
<Pool DEMO shelf=0 held=1 sold=0 void=0>

confirm c2 h2
----
Confirmed h2 [1-0]
<Pool DEMO shelf=0 held=0 sold=1 void=0>
