# One buyer cannot hoard: unpaid units are counted per user, device, IP and instrument, and freed by expiry.

receive cards=9
----
Received 9 in batch 1
<Pool DEMO shelf=9 held=0 sold=0 void=0>

configure t1 user=3 ip=4
----
Configured
<Pool DEMO shelf=9 held=0 sold=0 void=0>

allocate r1 count=2 user=ann ip=10.0.0.1 for=10m
----
Held h1 [1-0 1-1] until 10m
<Pool DEMO shelf=7 held=2 sold=0 void=0>

allocate r2 count=2 user=ann ip=10.0.0.2
----
HELD_QUOTA_EXCEEDED principal=user held=2 max=3
<Pool DEMO shelf=7 held=2 sold=0 void=0>

allocate r3 count=1 user=ann ip=10.0.0.1 for=20m
----
Held h2 [1-2] until 20m
<Pool DEMO shelf=6 held=3 sold=0 void=0>

allocate r4 count=2 user=bob ip=10.0.0.1
----
HELD_QUOTA_EXCEEDED principal=ip held=3 max=4
<Pool DEMO shelf=6 held=3 sold=0 void=0>

# What is not said is not counted; what has no bound is counted for nothing.

allocate r5 count=2 device=phone
----
Held h3 [1-3 1-4] until 10m
<Pool DEMO shelf=4 held=5 sold=0 void=0>

# Paying frees the quota as well.

confirm c2 h2
----
Confirmed h2 [1-2]
<Pool DEMO shelf=4 held=4 sold=1 void=0>

allocate r6 count=1 user=ann for=20m
----
Held h4 [1-5] until 20m
<Pool DEMO shelf=3 held=5 sold=1 void=0>

# h1 is past its deadline although nobody swept: ann holds one unit, so she may have two more.

wait 10m
----
<Pool DEMO shelf=3 held=5 sold=1 void=0>

allocate r7 count=3 user=ann for=10m
----
HELD_QUOTA_EXCEEDED principal=user held=1 max=3
HoldExpired h1
HoldExpired h3
<Pool DEMO shelf=7 held=1 sold=1 void=0>

allocate r8 count=2 user=ann for=10m
----
Held h5 [1-0 1-1] until 20m
<Pool DEMO shelf=5 held=3 sold=1 void=0>
