# First expired goes first, then the cheapest, then what arrived first; what lives for ever goes last.

receive cards=1 cost=100CNY
----
Received 1 in batch 1
<Pool DEMO shelf=1 held=0 sold=0 void=0>

receive cards=1 expires=60d cost=300CNY
----
Received 1 in batch 2
<Pool DEMO shelf=2 held=0 sold=0 void=0>

receive cards=2 expires=30d cost=300CNY
----
Received 2 in batch 3
<Pool DEMO shelf=4 held=0 sold=0 void=0>

receive cards=1 expires=30d cost=200CNY
----
Received 1 in batch 4
<Pool DEMO shelf=5 held=0 sold=0 void=0>

receive cards=1 expires=30d cost=200CNY
----
Received 1 in batch 5
<Pool DEMO shelf=6 held=0 sold=0 void=0>

allocate r1 count=4
----
Held h1 [4-0 5-0 3-0 3-1] until 10m
<Pool DEMO shelf=2 held=4 sold=0 void=0>

allocate r2 count=2
----
Held h2 [2-0 1-0] until 10m
<Pool DEMO shelf=0 held=6 sold=0 void=0>

# What comes back takes its old place in the line.

release x1 h1
----
Released h1 RELEASED
<Pool DEMO shelf=4 held=2 sold=0 void=0>

allocate r3 count=3
----
Held h3 [4-0 5-0 3-0] until 10m
<Pool DEMO shelf=1 held=5 sold=0 void=0>
