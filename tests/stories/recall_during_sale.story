# A batch is recalled while its cards are in hands: who pays gets a card of another batch, while there is one.

receive cards=3 expires=10d
----
Received 3 in batch 1
<Pool DEMO shelf=3 held=0 sold=0 void=0>

receive cards=1
----
Received 1 in batch 2
<Pool DEMO shelf=4 held=0 sold=0 void=0>

allocate r1
----
Held h1 [1-0] until 10m
<Pool DEMO shelf=3 held=1 sold=0 void=0>

allocate r2
----
Held h2 [1-1] until 10m
<Pool DEMO shelf=2 held=2 sold=0 void=0>

allocate r3
----
Held h3 [1-2] until 10m
<Pool DEMO shelf=1 held=3 sold=0 void=0>

confirm c1 h1
----
Confirmed h1 [1-0]
<Pool DEMO shelf=1 held=2 sold=1 void=0>

void v1 batch=1
----
Withdrawn moved=0 held=[1-1 1-2] sold=[]
<Pool DEMO shelf=1 held=2 sold=1 void=0>

# The sold ones are listed, for replacement.

sold 1
----
Sold 1-0:h1
<Pool DEMO shelf=1 held=2 sold=1 void=0>

confirm c2 h2
----
Confirmed h2 [2-0] reacquired
<Pool DEMO shelf=0 held=1 sold=2 void=1>

confirm c3 h3 payment=p3
----
BATCH_RECALLED state=ACTIVE endedAtMs=0 refundDue=true
RefundRaised h3 p3
<Pool DEMO shelf=0 held=1 sold=2 void=1>

# The same payment told again, by a new request, hears the same, and no second refund is raised.

confirm c4 h3 payment=p3
----
BATCH_RECALLED state=ACTIVE endedAtMs=0 refundDue=true
<Pool DEMO shelf=0 held=1 sold=2 void=1>

tick 10m
----
HoldExpired h3
<Pool DEMO shelf=0 held=0 sold=2 void=2>

allocate r4
----
OUT_OF_STOCK requested=1 available=0
<Pool DEMO shelf=0 held=0 sold=2 void=2>
