# A late payment may take fresh cards only for a while: the SKU's window, or the request's own.

receive cards=3
----
Received 3 in batch 1
<Pool DEMO shelf=3 held=0 sold=0 void=0>

configure t1 window=1h
----
Configured
<Pool DEMO shelf=3 held=0 sold=0 void=0>

allocate r1 for=10m
----
Held h1 [1-0] until 10m
<Pool DEMO shelf=2 held=1 sold=0 void=0>

allocate r2 for=10m
----
Held h2 [1-1] until 10m
<Pool DEMO shelf=1 held=2 sold=0 void=0>

release x2 h2
----
Released h2 RELEASED
<Pool DEMO shelf=2 held=1 sold=0 void=0>

# 70 minutes: one hour after h1 ended, to the millisecond, but more than an hour after h2 was released.

tick 70m
----
HoldExpired h1
<Pool DEMO shelf=3 held=0 sold=0 void=0>

confirm c2 h2 payment=p2 reacquire
----
HOLD_RELEASED state=RELEASED endedAtMs=0m refundDue=true
RefundRaised h2 p2
<Pool DEMO shelf=3 held=0 sold=0 void=0>

confirm c1 h1 payment=p1 reacquire
----
Confirmed h1 [1-0] reacquired
<Pool DEMO shelf=2 held=0 sold=1 void=0>

confirm c3 h2 payment=p3 reacquire window=2h
----
Confirmed h2 [1-1] reacquired
<Pool DEMO shelf=1 held=0 sold=2 void=0>
