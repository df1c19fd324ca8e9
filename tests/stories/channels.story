# A channel has a price of its own, or goes by the SKU's. A rule moves it by itself where staff let it.

receive cards=9 cost=500CNY landed=520CNY
----
Received 9 in batch 1
<Pool DEMO shelf=9 held=0 sold=0 void=0>

allocate a0
----
Held h1 [1-0] until 10m
<Pool DEMO shelf=8 held=1 sold=0 void=0>

release b0 h1
----
Released h1 RELEASED
<Pool DEMO shelf=9 held=0 sold=0 void=0>

prices p1 default=800CNY taobao=700CNY
----
Prices default=800CNY taobao=700CNY landed=520CNY rate=None
<Pool DEMO shelf=9 held=0 sold=0 void=0>

allocate a1 channel=taobao
----
Held h2 [1-0] until 10m at 700CNY in taobao
<Pool DEMO shelf=8 held=1 sold=0 void=0>

allocate a2 channel=pdd
----
Held h3 [1-1] until 10m at 800CNY in pdd
<Pool DEMO shelf=7 held=2 sold=0 void=0>

allocate a3
----
Held h4 [1-2] until 10m at 800CNY
<Pool DEMO shelf=6 held=3 sold=0 void=0>

# The same order from elsewhere is another wish.

allocate a4 channel=pdd order=order-a1
----
ORDER_REF_EXISTS hold=2
<Pool DEMO shelf=6 held=3 sold=0 void=0>

allocate a5 channel=taobao order=order-a1
----
HoldFound h2 ACTIVE [1-0]
<Pool DEMO shelf=6 held=3 sold=0 void=0>

rule r1 channel=taobao floor=500CNY ceiling=900CNY margin=20 automatic
----
Prices default=800CNY taobao=700CNY landed=520CNY rate=None
<Pool DEMO shelf=6 held=3 sold=0 void=0>

review
----
Reviewed warned=0 repriced=1 waiting=0
Repriced taobao700CNY->650CNY COST
<Pool DEMO shelf=6 held=3 sold=0 void=0>

review
----
Reviewed warned=0 repriced=0 waiting=0
<Pool DEMO shelf=6 held=3 sold=0 void=0>

allocate a6 channel=taobao
----
Held h5 [1-3] until 10m at 650CNY in taobao
<Pool DEMO shelf=5 held=4 sold=0 void=0>

prices p2 taobao=510CNY
----
Prices default=800CNY taobao=510CNY landed=520CNY rate=None
<Pool DEMO shelf=5 held=4 sold=0 void=0>

allocate a7 channel=taobao
----
PRICE_BELOW_COST minor=510 currency=CNY batch=1 cost=520
<Pool DEMO shelf=5 held=4 sold=0 void=0>

prices p3 taobao=-
----
Prices default=800CNY taobao=none landed=520CNY rate=None
<Pool DEMO shelf=5 held=4 sold=0 void=0>

allocate a8 channel=taobao
----
Held h6 [1-4] until 10m at 800CNY in taobao
<Pool DEMO shelf=4 held=5 sold=0 void=0>

