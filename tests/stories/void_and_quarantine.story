# A quarantine can be restored, a void cannot; a held card is marked, and goes aside when it comes back.

receive cards=6
----
Received 6 in batch 1
<Pool DEMO shelf=6 held=0 sold=0 void=0>

allocate r1 count=2 for=10m
----
Held h1 [1-0 1-1] until 10m
<Pool DEMO shelf=4 held=2 sold=0 void=0>

confirm c1 h1 count=1
----
Confirmed h1 [1-0] returned=1
<Pool DEMO shelf=5 held=0 sold=1 void=0>

allocate r2 count=2 for=10m
----
Held h2 [1-1 1-2] until 10m
<Pool DEMO shelf=3 held=2 sold=1 void=0>

# 1-0 is sold, 1-1 held, 1-3 free (and named twice), 1-9 does not exist.

void v1 1-3 1-9
----
CARD_NOT_FOUND card=1-9
<Pool DEMO shelf=3 held=2 sold=1 void=0>

void v2 1-0 1-1 1-3 1-3
----
Withdrawn moved=1 held=[1-1] sold=[1-0]
<Pool DEMO shelf=2 held=2 sold=1 void=1>

quarantine q1 1-2 1-4
----
Withdrawn moved=1 held=[1-2] sold=[]
<Pool DEMO shelf=2 held=2 sold=1 void=1>

shelf
----
Shelf available=1 active=1
<Pool DEMO shelf=2 held=2 sold=1 void=1>

# A void is for good: neither a later quarantine nor a restore takes it back, on the shelf or in hands.

quarantine q2 1-1 1-3
----
Withdrawn moved=0 held=[1-1] sold=[]
<Pool DEMO shelf=2 held=2 sold=1 void=1>

restore s1 1-1 1-3
----
Withdrawn moved=0 held=[1-1] sold=[]
<Pool DEMO shelf=2 held=2 sold=1 void=1>

release x2 h2
----
Released h2 RELEASED
<Pool DEMO shelf=3 held=0 sold=1 void=2>

shelf
----
Shelf available=1 active=0
<Pool DEMO shelf=3 held=0 sold=1 void=2>

restore s2 1-2 1-4 1-4
----
Withdrawn moved=2 held=[] sold=[]
<Pool DEMO shelf=3 held=0 sold=1 void=2>

shelf
----
Shelf available=3 active=0
<Pool DEMO shelf=3 held=0 sold=1 void=2>

# A mark on a held card can be taken off again.

allocate r3 for=10m
----
Held h3 [1-2] until 10m
<Pool DEMO shelf=2 held=1 sold=1 void=2>

quarantine q3 1-2
----
Withdrawn moved=0 held=[1-2] sold=[]
<Pool DEMO shelf=2 held=1 sold=1 void=2>

restore s3 1-2
----
Withdrawn moved=0 held=[1-2] sold=[]
<Pool DEMO shelf=2 held=1 sold=1 void=2>

confirm c3 h3
----
Confirmed h3 [1-2]
<Pool DEMO shelf=2 held=0 sold=2 void=2>

# The whole batch.

quarantine q4
----
Withdrawn moved=2 held=[] sold=[]
<Pool DEMO shelf=2 held=0 sold=2 void=2>

allocate r4
----
OUT_OF_STOCK requested=1 available=0
<Pool DEMO shelf=2 held=0 sold=2 void=2>

restore s4
----
Withdrawn moved=2 held=[] sold=[]
<Pool DEMO shelf=2 held=0 sold=2 void=2>

void v4
----
Withdrawn moved=2 held=[] sold=[]
<Pool DEMO shelf=0 held=0 sold=2 void=4>

restore s5
----
Withdrawn moved=0 held=[] sold=[]
<Pool DEMO shelf=0 held=0 sold=2 void=4>

void v5 batch=7
----
BATCH_NOT_FOUND
<Pool DEMO shelf=0 held=0 sold=2 void=4>
