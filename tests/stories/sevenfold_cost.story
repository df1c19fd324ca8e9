# Cost jumps sevenfold. The floor stops the sale at a loss; 3500 ÷ (1 − 20 %) = 4375 is suggested with its reasons; staff approve it, and the next hold is made at it.

receive cards=1 cost=500CNY
----
Received 1 in batch 1
<Pool DEMO shelf=1 held=0 sold=0 void=0>

prices p1 default=800CNY
----
Prices default=800CNY landed=500CNY rate=None
<Pool DEMO shelf=1 held=0 sold=0 void=0>

rule r1 floor=500CNY ceiling=9000CNY margin=20 band=2 step=10 rest=1h
----
Prices default=800CNY landed=500CNY rate=None
<Pool DEMO shelf=1 held=0 sold=0 void=0>

allocate a1
----
Held h1 [1-0] until 10m at 800CNY
<Pool DEMO shelf=0 held=1 sold=0 void=0>

# With an empty shelf there is no cost to go by, and nothing is suggested.

review
----
Reviewed warned=0 repriced=0 waiting=0
<Pool DEMO shelf=0 held=1 sold=0 void=0>

receive cards=5 cost=3500CNY
----
Received 5 in batch 2
<Pool DEMO shelf=5 held=1 sold=0 void=0>

allocate a2
----
PRICE_BELOW_COST minor=800 currency=CNY batch=2 cost=3500
<Pool DEMO shelf=5 held=1 sold=0 void=0>

allocate a3 price=800CNY
----
PRICE_BELOW_COST minor=800 currency=CNY batch=2 cost=3500
<Pool DEMO shelf=5 held=1 sold=0 void=0>

review
----
Reviewed warned=0 repriced=0 waiting=1
PriceSuggested #1 800CNY->4375CNY BELOW_FLOOR+COST
<Pool DEMO shelf=5 held=1 sold=0 void=0>

# Looked at again, it is not suggested again.

review
----
Reviewed warned=0 repriced=0 waiting=1
<Pool DEMO shelf=5 held=1 sold=0 void=0>

approve d1 no=1
----
Prices default=4375CNY landed=3500CNY rate=None
<Pool DEMO shelf=5 held=1 sold=0 void=0>

allocate a4
----
Held h2 [2-0] until 10m at 4375CNY
<Pool DEMO shelf=4 held=2 sold=0 void=0>

allocate a5 price=800CNY
----
PRICE_CHANGED minor=4375 currency=CNY
<Pool DEMO shelf=4 held=2 sold=0 void=0>

# What was approved waits no more.

approve d2 no=1
----
SUGGESTION_NOT_FOUND suggestion=1
<Pool DEMO shelf=4 held=2 sold=0 void=0>

changes
----
no2 default 800CNY->4375CNY BELOW_FLOOR+COST by ann; no1 default none->800CNY STAFF by ann
<Pool DEMO shelf=4 held=2 sold=0 void=0>

confirm c4 h2 paid=4375CNY
----
Confirmed h2 [2-0]
<Pool DEMO shelf=4 held=1 sold=1 void=0>

