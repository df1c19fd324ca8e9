# A sold card turns out bad: a fresh one is sold in its place, once, and the two are linked.

receive cards=3
----
Received 3 in batch 1
<Pool DEMO shelf=3 held=0 sold=0 void=0>

allocate r1
----
Held h1 [1-0] until 10m
<Pool DEMO shelf=2 held=1 sold=0 void=0>

replace b1 h1 1-0
----
CARD_NOT_SOLD
<Pool DEMO shelf=2 held=1 sold=0 void=0>

confirm c1 h1
----
Confirmed h1 [1-0]
<Pool DEMO shelf=2 held=0 sold=1 void=0>

replace b2 h1 1-2
----
CARD_NOT_SOLD
<Pool DEMO shelf=2 held=0 sold=1 void=0>

replace b3 h1 1-0
----
Replaced h1 1-0->1-1
<Pool DEMO shelf=1 held=0 sold=2 void=0>

replace b4 h1 1-0
----
CARD_ALREADY_REPLACED
<Pool DEMO shelf=1 held=0 sold=2 void=0>

# The fresh one may be bad too.

replace b5 h1 1-1
----
Replaced h1 1-1->1-2
<Pool DEMO shelf=0 held=0 sold=3 void=0>

replace b6 h1 1-2
----
OUT_OF_STOCK requested=1 available=0
<Pool DEMO shelf=0 held=0 sold=3 void=0>

replace b7 h2 1-2
----
HOLD_NOT_FOUND
<Pool DEMO shelf=0 held=0 sold=3 void=0>

hold no=1
----
HoldFound h1 CONFIRMED [1-2] 1-0->1-1 1-1->1-2
<Pool DEMO shelf=0 held=0 sold=3 void=0>

sold 1
----
Sold 1-0:h1 1-1:h1 1-2:h1
<Pool DEMO shelf=0 held=0 sold=3 void=0>
