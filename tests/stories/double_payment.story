# Two payments for one order: one buys, the other is to be given back, whatever its amount.

receive cards=4
----
Received 4 in batch 1
<Pool DEMO shelf=4 held=0 sold=0 void=0>

configure t1 price=500CNY
----
Configured
<Pool DEMO shelf=4 held=0 sold=0 void=0>

allocate r1 count=2
----
Held h1 [1-0 1-1] until 10m
<Pool DEMO shelf=2 held=2 sold=0 void=0>

confirm c1 h1 payment=p1 paid=999CNY
----
AMOUNT_MISMATCH expected=1000 currency=CNY paid=999 paidCurrency=CNY
<Pool DEMO shelf=2 held=2 sold=0 void=0>

confirm c2 h1 payment=p1 paid=500CNY count=1
----
Confirmed h1 [1-0] returned=1
<Pool DEMO shelf=3 held=0 sold=1 void=0>

confirm c3 h1 payment=p2 paid=1000CNY count=2
----
HOLD_ALREADY_CONFIRMED state=CONFIRMED endedAtMs=0m refundDue=true
RefundRaised h1 p2
<Pool DEMO shelf=3 held=0 sold=1 void=0>

confirm c4 h1 payment=p2 paid=1000CNY count=2
----
HOLD_ALREADY_CONFIRMED state=CONFIRMED endedAtMs=0m refundDue=true
<Pool DEMO shelf=3 held=0 sold=1 void=0>

# A payment buys one hold only.

allocate r2
----
Held h2 [1-1] until 10m
<Pool DEMO shelf=2 held=1 sold=1 void=0>

confirm c5 h2 payment=p1 paid=500CNY
----
PAYMENT_REF_USED hold=1
<Pool DEMO shelf=2 held=1 sold=1 void=0>

confirm c6 h2 payment=p2 paid=500CNY
----
PAYMENT_REF_USED hold=1
<Pool DEMO shelf=2 held=1 sold=1 void=0>

confirm c7 h2 payment=p3 paid=500CNY
----
Confirmed h2 [1-1]
<Pool DEMO shelf=2 held=0 sold=2 void=0>
