# What a card cost is known in yuan, and its price is set in dollars: whether that is a loss nobody can say, so it is not sold until a rule says so. What cost nobody ever gave counts as nothing, unless a rule is strict.

receive cards=9 cost=500CNY
----
Received 9 in batch 1
<Pool DEMO shelf=9 held=0 sold=0 void=0>

prices p1 default=8USD
----
Prices default=8USD landed=none rate=None
<Pool DEMO shelf=9 held=0 sold=0 void=0>

allocate a1
----
COST_UNKNOWN batch=1
<Pool DEMO shelf=9 held=0 sold=0 void=0>

rule r1 floor=500CNY ceiling=900CNY
----
PRICE_CURRENCY_MISMATCH expected=USD
<Pool DEMO shelf=9 held=0 sold=0 void=0>

rule r2 floor=5USD ceiling=9USD
----
Prices default=8USD landed=none rate=None
<Pool DEMO shelf=9 held=0 sold=0 void=0>

allocate a2
----
Held h1 [1-0] until 10m at 8USD
<Pool DEMO shelf=8 held=1 sold=0 void=0>

rule r3 floor=9USD ceiling=9USD
----
Prices default=8USD landed=none rate=None
<Pool DEMO shelf=8 held=1 sold=0 void=0>

allocate a3
----
PRICE_BELOW_FLOOR minor=8 currency=USD batch=1 floor=9
<Pool DEMO shelf=8 held=1 sold=0 void=0>

rule r4 floor=5USD ceiling=9USD strict
----
Prices default=8USD landed=none rate=None
<Pool DEMO shelf=8 held=1 sold=0 void=0>

allocate a4
----
COST_UNKNOWN batch=1
<Pool DEMO shelf=8 held=1 sold=0 void=0>

# A price in another currency than the rule's is refused, whoever sets it.

prices p2 default=800CNY
----
PRICE_CURRENCY_MISMATCH expected=USD
<Pool DEMO shelf=8 held=1 sold=0 void=0>

configure t1 price=800CNY
----
PRICE_CURRENCY_MISMATCH expected=USD
<Pool DEMO shelf=8 held=1 sold=0 void=0>

rule r5
----
Prices default=8USD landed=none rate=None
<Pool DEMO shelf=8 held=1 sold=0 void=0>

configure t2 price=800CNY
----
Configured
<Pool DEMO shelf=8 held=1 sold=0 void=0>

allocate a5 count=8
----
Held h2 [1-1 1-2 1-3 1-4 1-5 1-6 1-7 1-8] until 10m at 800CNY
<Pool DEMO shelf=0 held=9 sold=0 void=0>

receive cards=1
----
Received 1 in batch 2
<Pool DEMO shelf=1 held=9 sold=0 void=0>

allocate a6
----
Held h3 [2-0] until 10m at 800CNY
<Pool DEMO shelf=0 held=10 sold=0 void=0>

rule r6 floor=500CNY ceiling=900CNY strict
----
Prices default=800CNY landed=none rate=None
<Pool DEMO shelf=0 held=10 sold=0 void=0>

release b5 h3
----
Released h3 RELEASED
<Pool DEMO shelf=1 held=9 sold=0 void=0>

allocate a7
----
COST_UNKNOWN batch=2
<Pool DEMO shelf=1 held=9 sold=0 void=0>

changes rows=2
----
no2 default 8USD->800CNY STAFF by nobody; no1 default none->8USD STAFF by ann
<Pool DEMO shelf=1 held=9 sold=0 void=0>

changes before=2
----
no1 default none->8USD STAFF by ann
<Pool DEMO shelf=1 held=9 sold=0 void=0>

