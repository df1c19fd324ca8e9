# An order may ask for cards with more life left; an expired card is given to nobody.

receive cards=2 expires=10d
----
Received 2 in batch 1
<Pool DEMO shelf=2 held=0 sold=0 void=0>

receive cards=1 expires=40d
----
Received 1 in batch 2
<Pool DEMO shelf=3 held=0 sold=0 void=0>

shelf life=30d
----
Shelf available=1 active=0
<Pool DEMO shelf=3 held=0 sold=0 void=0>

allocate r1 count=2 life=30d
----
OUT_OF_STOCK requested=2 available=1
<Pool DEMO shelf=3 held=0 sold=0 void=0>

allocate r2 life=30d for=10m
----
Held h1 [2-0] until 10m
<Pool DEMO shelf=2 held=1 sold=0 void=0>

# Just before batch 1 expires its card can still be had; at that moment it cannot.

tick 14399m
----
HoldExpired h1
<Pool DEMO shelf=3 held=0 sold=0 void=0>

allocate r3 for=10m
----
Held h2 [1-0] until 14409m
<Pool DEMO shelf=2 held=1 sold=0 void=0>

wait 1m
----
<Pool DEMO shelf=2 held=1 sold=0 void=0>

shelf
----
Shelf available=1 active=1
<Pool DEMO shelf=2 held=1 sold=0 void=0>

allocate r4 count=2
----
OUT_OF_STOCK requested=2 available=1
<Pool DEMO shelf=2 held=1 sold=0 void=0>

# The held card has expired before it was paid: the buyer gets a living one instead.

confirm c2 h2
----
Confirmed h2 [2-0] reacquired
<Pool DEMO shelf=2 held=0 sold=1 void=0>

shelf
----
Shelf available=0 active=0
<Pool DEMO shelf=2 held=0 sold=1 void=0>
