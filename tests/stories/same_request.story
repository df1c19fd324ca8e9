# The same request id gives the same answer, whatever has happened since; another body under it is named.

receive cards=3
----
Received 3 in batch 1
<Pool DEMO shelf=3 held=0 sold=0 void=0>

allocate r1 user=ann for=10m
----
Held h1 [1-0] until 10m
<Pool DEMO shelf=2 held=1 sold=0 void=0>

allocate r1 user=ann for=10m
----
Held h1 [1-0] until 10m (again)
<Pool DEMO shelf=2 held=1 sold=0 void=0>

allocate r1 user=ann count=2 for=10m
----
IDEMPOTENCY_KEY_REUSED field=quantity (again)
<Pool DEMO shelf=2 held=1 sold=0 void=0>

allocate r1 user=bob for=10m
----
IDEMPOTENCY_KEY_REUSED field=principal (again)
<Pool DEMO shelf=2 held=1 sold=0 void=0>

release r1 h1
----
IDEMPOTENCY_KEY_REUSED field=method (again)
<Pool DEMO shelf=2 held=1 sold=0 void=0>

# A new request for an order that is known answers with the hold the order has.

allocate r2 user=ann order=order-r1 for=20m
----
HoldFound h1 ACTIVE [1-0]
<Pool DEMO shelf=2 held=1 sold=0 void=0>

allocate r3 user=ann order=order-r1 count=2
----
ORDER_REF_EXISTS hold=1
<Pool DEMO shelf=2 held=1 sold=0 void=0>

confirm c1 h1
----
Confirmed h1 [1-0]
<Pool DEMO shelf=2 held=0 sold=1 void=0>

allocate r4 user=ann order=order-r1
----
HoldFound h1 CONFIRMED [1-0]
<Pool DEMO shelf=2 held=0 sold=1 void=0>

allocate r1 user=ann for=10m
----
Held h1 [1-0] until 10m (again)
<Pool DEMO shelf=2 held=0 sold=1 void=0>

# An order whose hold has ended unsold never gets cards again: its caller must know that it is over.

allocate r5 for=10m
----
Held h2 [1-1] until 10m
<Pool DEMO shelf=1 held=1 sold=1 void=0>

tick 10m
----
HoldExpired h2
<Pool DEMO shelf=2 held=0 sold=1 void=0>

allocate r6 order=order-r5 for=10m
----
HOLD_EXPIRED hold=2 state=EXPIRED endedAtMs=10m
<Pool DEMO shelf=2 held=0 sold=1 void=0>
