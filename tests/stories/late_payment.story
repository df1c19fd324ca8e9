# The money comes after the deadline. STRICT says no and raises a refund; REACQUIRE takes fresh cards.

receive cards=2
----
Received 2 in batch 1
<Pool DEMO shelf=2 held=0 sold=0 void=0>

allocate r1 for=10m
----
Held h1 [1-0] until 10m
<Pool DEMO shelf=1 held=1 sold=0 void=0>

tick 11m
----
HoldExpired h1
<Pool DEMO shelf=2 held=0 sold=0 void=0>

confirm c1 h1 payment=alipay-1 strict
----
HOLD_EXPIRED state=EXPIRED endedAtMs=10m refundDue=true
RefundRaised h1 alipay-1
<Pool DEMO shelf=2 held=0 sold=0 void=0>

# The refund of a payment is raised once, however often the payment is told.

confirm c2 h1 payment=alipay-1 strict
----
HOLD_EXPIRED state=EXPIRED endedAtMs=10m refundDue=true
<Pool DEMO shelf=2 held=0 sold=0 void=0>

# Another buyer takes the card that h1 had. With REACQUIRE the same payment gets another card, and is owed no more.

allocate r2 for=10m
----
Held h2 [1-0] until 21m
<Pool DEMO shelf=1 held=1 sold=0 void=0>

hold no=1
----
HoldFound h1 EXPIRED [1-0] owed=alipay-1:HOLD_EXPIRED
<Pool DEMO shelf=1 held=1 sold=0 void=0>

confirm c3 h1 payment=alipay-1 reacquire
----
Confirmed h1 [1-1] reacquired
<Pool DEMO shelf=0 held=1 sold=1 void=0>

# The same payment told once more, by another request: the same answer. Another payment is one too many.

confirm c4 h1 payment=alipay-1
----
Confirmed h1 [1-1] reacquired
<Pool DEMO shelf=0 held=1 sold=1 void=0>

confirm c5 h1 payment=alipay-2 reacquire
----
HOLD_ALREADY_CONFIRMED state=CONFIRMED endedAtMs=11m refundDue=true
RefundRaised h1 alipay-2
<Pool DEMO shelf=0 held=1 sold=1 void=0>

hold no=1
----
HoldFound h1 CONFIRMED [1-1] owed=alipay-2:HOLD_ALREADY_CONFIRMED
<Pool DEMO shelf=0 held=1 sold=1 void=0>
