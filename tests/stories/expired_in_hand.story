# A card expires while it is held and no other is left: the payment is to be given back, nothing is sold.

receive cards=1 expires=5m
----
Received 1 in batch 1
<Pool DEMO shelf=1 held=0 sold=0 void=0>

allocate r1 for=10m
----
Held h1 [1-0] until 10m
<Pool DEMO shelf=0 held=1 sold=0 void=0>

wait 5m
----
<Pool DEMO shelf=0 held=1 sold=0 void=0>

confirm c1 h1 payment=p1
----
OUT_OF_STOCK_LATE state=ACTIVE endedAtMs=0 refundDue=true
RefundRaised h1 p1
<Pool DEMO shelf=0 held=1 sold=0 void=0>

confirm c2 h1 payment=p1
----
OUT_OF_STOCK_LATE state=ACTIVE endedAtMs=0 refundDue=true
<Pool DEMO shelf=0 held=1 sold=0 void=0>
