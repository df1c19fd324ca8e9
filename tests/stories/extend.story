# Extending never shortens a hold, and never goes past the longest life the SKU allows.

receive cards=1
----
Received 1 in batch 1
<Pool DEMO shelf=1 held=0 sold=0 void=0>

configure t1 lifetime=30m
----
Configured
<Pool DEMO shelf=1 held=0 sold=0 void=0>

allocate r1 for=10m
----
Held h1 [1-0] until 10m
<Pool DEMO shelf=0 held=1 sold=0 void=0>

extend e1 h1 for=5m
----
Extended h1 [1-0] until 10m
<Pool DEMO shelf=0 held=1 sold=0 void=0>

extend e2 h1 for=15m
----
Extended h1 [1-0] until 15m
<Pool DEMO shelf=0 held=1 sold=0 void=0>

# The first deadline has no meaning any more.

tick 14m
----
<Pool DEMO shelf=0 held=1 sold=0 void=0>

extend e3 h1 for=20m
----
Extended h1 [1-0] until 30m
<Pool DEMO shelf=0 held=1 sold=0 void=0>

extend e4 h1 for=20m
----
MAX_LIFETIME_REACHED expiresAtMs=30m
<Pool DEMO shelf=0 held=1 sold=0 void=0>

extend e5 h1 for=16m
----
Extended h1 [1-0] until 30m
<Pool DEMO shelf=0 held=1 sold=0 void=0>

tick 15m
----
<Pool DEMO shelf=0 held=1 sold=0 void=0>

tick 1m
----
HoldExpired h1
<Pool DEMO shelf=1 held=0 sold=0 void=0>

extend e6 h9 for=10m
----
HOLD_NOT_FOUND
<Pool DEMO shelf=1 held=0 sold=0 void=0>
