# A buyer sees a price, it changes, the buyer orders: told, not surprised. A hold keeps the price it was made at.

receive cards=3
----
Received 3 in batch 1
<Pool DEMO shelf=3 held=0 sold=0 void=0>

configure t1 price=500CNY per-hold=2
----
Configured
<Pool DEMO shelf=3 held=0 sold=0 void=0>

allocate r1 price=500CNY
----
Held h1 [1-0] until 10m
<Pool DEMO shelf=2 held=1 sold=0 void=0>

configure t2 price=600CNY per-hold=2
----
Configured
<Pool DEMO shelf=2 held=1 sold=0 void=0>

allocate r2 price=500CNY
----
PRICE_CHANGED minor=600 currency=CNY
<Pool DEMO shelf=2 held=1 sold=0 void=0>

allocate r3 count=3 price=600CNY
----
INVALID_QUANTITY quantity=3 min=1 max=2
<Pool DEMO shelf=2 held=1 sold=0 void=0>

confirm c1 h1 paid=600CNY
----
AMOUNT_MISMATCH expected=500 currency=CNY paid=600 paidCurrency=CNY
<Pool DEMO shelf=2 held=1 sold=0 void=0>

confirm c2 h1 paid=500USD
----
AMOUNT_MISMATCH expected=500 currency=CNY paid=500 paidCurrency=USD
<Pool DEMO shelf=2 held=1 sold=0 void=0>

confirm c3 h1
----
AMOUNT_MISMATCH expected=500 currency=CNY paid=0 paidCurrency=
<Pool DEMO shelf=2 held=1 sold=0 void=0>

confirm c4 h1 paid=500CNY
----
Confirmed h1 [1-0]
<Pool DEMO shelf=2 held=0 sold=1 void=0>
