# What is old leaves memory for the archive, and is still known: requests, orders, payments, holds, sold cards.

receive cards=4
----
Received 4 in batch 1
<Pool DEMO shelf=4 held=0 sold=0 void=0>

allocate r1 for=10m
----
Held h1 [1-0] until 10m
<Pool DEMO shelf=3 held=1 sold=0 void=0>

allocate r2 for=10m
----
Held h2 [1-1] until 10m
<Pool DEMO shelf=2 held=2 sold=0 void=0>

confirm c1 h1 payment=p1
----
Confirmed h1 [1-0]
<Pool DEMO shelf=2 held=1 sold=1 void=0>

tick 10m
----
HoldExpired h2
<Pool DEMO shelf=3 held=0 sold=1 void=0>

tick 20m
----
<Pool DEMO shelf=3 held=0 sold=1 void=0>

forget older=10m
----
Forgot
<Pool DEMO shelf=3 held=0 sold=1 void=0>

allocate r1 for=10m
----
Held h1 [1-0] until 10m (again)
<Pool DEMO shelf=3 held=0 sold=1 void=0>

allocate r1 count=2 for=10m
----
IDEMPOTENCY_KEY_REUSED field=quantity (again)
<Pool DEMO shelf=3 held=0 sold=1 void=0>

allocate r3 order=order-r1
----
HoldFound h1 CONFIRMED [1-0]
<Pool DEMO shelf=3 held=0 sold=1 void=0>

hold order=order-r1
----
HoldFound h1 CONFIRMED [1-0]
<Pool DEMO shelf=3 held=0 sold=1 void=0>

sold 1
----
Sold 1-0:h1
<Pool DEMO shelf=3 held=0 sold=1 void=0>

# A payment that was used by a forgotten hold is still used.

allocate r4 for=10m
----
Held h3 [1-1] until 40m
<Pool DEMO shelf=2 held=1 sold=1 void=0>

confirm c3 h3 payment=p1
----
PAYMENT_REF_USED hold=1
<Pool DEMO shelf=2 held=1 sold=1 void=0>

release x2 h2
----
Released h2 EXPIRED
<Pool DEMO shelf=2 held=1 sold=1 void=0>

# A late payment changes a forgotten hold: it comes back to memory first.

confirm c2 h2 payment=p2 reacquire
----
Confirmed h2 [1-2] reacquired
HoldRecalled h2
<Pool DEMO shelf=1 held=1 sold=2 void=0>

confirm c5 h1 payment=p5
----
HOLD_ALREADY_CONFIRMED state=CONFIRMED endedAtMs=0m refundDue=true
HoldRecalled h1
RefundRaised h1 p5
<Pool DEMO shelf=1 held=1 sold=2 void=0>

hold no=9
----
HOLD_NOT_FOUND
<Pool DEMO shelf=1 held=1 sold=2 void=0>

# Forgotten a second time, with what was added.

tick 30m
----
HoldExpired h3
<Pool DEMO shelf=2 held=0 sold=2 void=0>

forget older=1m
----
Forgot
<Pool DEMO shelf=2 held=0 sold=2 void=0>

hold no=1
----
HoldFound h1 CONFIRMED [1-0] owed=p5:HOLD_ALREADY_CONFIRMED
<Pool DEMO shelf=2 held=0 sold=2 void=0>

replace b1 h1 1-0
----
Replaced h1 1-0->1-1
HoldRecalled h1
<Pool DEMO shelf=1 held=0 sold=3 void=0>
