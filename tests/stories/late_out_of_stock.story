# A late payment finds the shelf empty: it is told so, and the refund is on record.

receive cards=1
----
Received 1 in batch 1
<Pool DEMO shelf=1 held=0 sold=0 void=0>

allocate r1 for=10m
----
Held h1 [1-0] until 10m
<Pool DEMO shelf=0 held=1 sold=0 void=0>

tick 10m
----
HoldExpired h1
<Pool DEMO shelf=1 held=0 sold=0 void=0>

allocate r2 for=10m
----
Held h2 [1-0] until 20m
<Pool DEMO shelf=0 held=1 sold=0 void=0>

confirm c1 h1 payment=wx-1 reacquire
----
OUT_OF_STOCK_LATE state=EXPIRED endedAtMs=10m refundDue=true
RefundRaised h1 wx-1
<Pool DEMO shelf=0 held=1 sold=0 void=0>

# The other buyer's deadline passes unswept: its card is what a late payment may have.

wait 10m
----
<Pool DEMO shelf=0 held=1 sold=0 void=0>

confirm c2 h1 payment=wx-2 reacquire
----
Confirmed h1 [1-0] reacquired
HoldExpired h2
<Pool DEMO shelf=0 held=0 sold=1 void=0>

# While a SKU is paused nothing is sold, late or not.

configure t1 paused
----
Configured
<Pool DEMO shelf=0 held=0 sold=1 void=0>

confirm c3 h2 payment=wx-3 reacquire
----
SKU_PAUSED state=EXPIRED endedAtMs=20m refundDue=true
RefundRaised h2 wx-3
<Pool DEMO shelf=0 held=0 sold=1 void=0>

allocate r3
----
SKU_PAUSED
<Pool DEMO shelf=0 held=0 sold=1 void=0>
