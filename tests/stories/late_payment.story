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

# The refund of a payment is raised once, however often the payment is told, and the payment buys nothing more.

confirm c2 h1 payment=alipay-1 reacquire
----
HOLD_EXPIRED state=EXPIRED endedAtMs=10m refundDue=true
<Pool DEMO shelf=2 held=0 sold=0 void=0>

# Another buyer takes the card that h1 had; a second payment for h1 reacquires another card.

allocate r2 for=10m
----
Held h2 [1-0] until 21m
<Pool DEMO shelf=1 held=1 sold=0 void=0>

confirm c3 h1 payment=alipay-2 reacquire
----
Confirmed h1 [1-1] reacquired
<Pool DEMO shelf=0 held=1 sold=1 void=0>

# The same payment told once more, by another request: the same answer.

confirm c4 h1 payment=alipay-2
----
Confirmed h1 [1-1] reacquired
<Pool DEMO shelf=0 held=1 sold=1 void=0>

hold no=1
----
HoldFound h1 CONFIRMED [1-1] refunds=alipay-1
<Pool DEMO shelf=0 held=1 sold=1 void=0>
