# A hold is over at its deadline, to the millisecond, although nobody sweeps in this story.

receive cards=3
----
Received 3 in batch 1
<Pool DEMO shelf=3 held=0 sold=0 void=0>

allocate r1 count=2 for=10m
----
Held h1 [1-0 1-1] until 10m
<Pool DEMO shelf=1 held=2 sold=0 void=0>

wait 599999ms
----
<Pool DEMO shelf=1 held=2 sold=0 void=0>

allocate r2 count=2 for=10m
----
OUT_OF_STOCK requested=2 available=1
<Pool DEMO shelf=1 held=2 sold=0 void=0>

wait 1ms
----
<Pool DEMO shelf=1 held=2 sold=0 void=0>

allocate r3 count=3 for=10m
----
Held h2 [1-0 1-1 1-2] until 20m
HoldExpired h1
<Pool DEMO shelf=0 held=3 sold=0 void=0>

# Each command sees the deadline that matters to it: extend, hold, shelf.

wait 10m
----
<Pool DEMO shelf=0 held=3 sold=0 void=0>

extend e1 h2 for=10m
----
HOLD_EXPIRED state=EXPIRED endedAtMs=20m
HoldExpired h2
<Pool DEMO shelf=3 held=0 sold=0 void=0>

allocate r4 for=10m
----
Held h3 [1-0] until 30m
<Pool DEMO shelf=2 held=1 sold=0 void=0>

wait 10m
----
<Pool DEMO shelf=2 held=1 sold=0 void=0>

hold no=3
----
HoldFound h3 EXPIRED [1-0]
HoldExpired h3
<Pool DEMO shelf=3 held=0 sold=0 void=0>

allocate r5 for=10m
----
Held h4 [1-0] until 40m
<Pool DEMO shelf=2 held=1 sold=0 void=0>

wait 10m
----
<Pool DEMO shelf=2 held=1 sold=0 void=0>

shelf
----
Shelf available=3 active=0
HoldExpired h4
<Pool DEMO shelf=3 held=0 sold=0 void=0>
