# Forty cards end in ten days and one a day is sold. A plan is proposed, accepted and followed; it moves the price of those cards alone, below what they cost, and no further than it must.

receive cards=40 cost=800CNY expires=10d
----
Received 40 in batch 1
<Pool DEMO shelf=40 held=0 sold=0 void=0>

receive cards=5 cost=800CNY expires=400d
----
Received 5 in batch 2
<Pool DEMO shelf=45 held=0 sold=0 void=0>

prices p1 default=1000CNY
----
Prices default=1000CNY landed=800CNY rate=None
<Pool DEMO shelf=45 held=0 sold=0 void=0>

# (1000 ÷ 789)² = 1.6 a day, 3.0 at 578 and 7.4 at 367: 5, 10 and 25 cards in three and a third days each.

propose c1 batch=1 floor=300 rate=1000
----
Clearance#1 PROPOSED needed=4000 actual=1000 gain=8900 unsold=30->0 [0m:789x5 4800m:578x10 9600m:367x25]
<Pool DEMO shelf=45 held=0 sold=0 void=0>

# As long as nobody accepts it, it does nothing.

allocate a1
----
Held h1 [1-0] until 10m at 1000CNY
<Pool DEMO shelf=44 held=1 sold=0 void=0>

accept c2 no=1
----
Clearance#1 ACCEPTED needed=4000 actual=1000 gain=8900 unsold=30->0 [0m:789x5 4800m:578x10 9600m:367x25]
<Pool DEMO shelf=44 held=1 sold=0 void=0>

allocate a2
----
Held h2 [1-1] until 10m at 789CNY
<Pool DEMO shelf=43 held=2 sold=0 void=0>

allocate a3 price=1000CNY
----
PRICE_CHANGED minor=789 currency=CNY
<Pool DEMO shelf=43 held=2 sold=0 void=0>

# A hold with a card of another batch costs what the channel costs.

allocate a4 count=39
----
Held h3 [1-2 1-3 1-4 1-5 1-6 1-7 1-8 1-9 1-10 1-11 1-12 1-13 1-14 1-15 1-16 1-17 1-18 1-19 1-20 1-21 1-22 1-23 1-24 1-25 1-26 1-27 1-28 1-29 1-30 1-31 1-32 1-33 1-34 1-35 1-36 1-37 1-38 1-39 2-0] until 10m at 1000CNY
<Pool DEMO shelf=4 held=41 sold=0 void=0>

tick 4d
----
HoldExpired h1
HoldExpired h2
HoldExpired h3
<Pool DEMO shelf=45 held=0 sold=0 void=0>

# Nothing was sold: the price goes down.

review
----
Reviewed warned=1 repriced=0 waiting=0
ExpiryWarned 7d batch=1 cards=40 risk=32000CNY
ClearanceStepped #1 step=2 price=578 needed=6667 actual=0
<Pool DEMO shelf=45 held=0 sold=0 void=0>

allocate b1 count=30
----
Held h4 [1-0 1-1 1-2 1-3 1-4 1-5 1-6 1-7 1-8 1-9 1-10 1-11 1-12 1-13 1-14 1-15 1-16 1-17 1-18 1-19 1-20 1-21 1-22 1-23 1-24 1-25 1-26 1-27 1-28 1-29] until 5770m at 578CNY
<Pool DEMO shelf=15 held=30 sold=0 void=0>

confirm b2 h4 paid=17340CNY
----
Confirmed h4 [1-0 1-1 1-2 1-3 1-4 1-5 1-6 1-7 1-8 1-9 1-10 1-11 1-12 1-13 1-14 1-15 1-16 1-17 1-18 1-19 1-20 1-21 1-22 1-23 1-24 1-25 1-26 1-27 1-28 1-29]
<Pool DEMO shelf=15 held=0 sold=30 void=0>

tick 3d
----
<Pool DEMO shelf=15 held=0 sold=30 void=0>

# Thirty were sold in three days and ten are left for three: the price stays.

review
----
Reviewed warned=0 repriced=0 waiting=0
ClearanceStepped #1 step=3 price=578 needed=3334 actual=10000
<Pool DEMO shelf=15 held=0 sold=30 void=0>

allocate b3
----
Held h5 [1-30] until 10090m at 578CNY
<Pool DEMO shelf=14 held=1 sold=30 void=0>

changes
----
no3 default batch 1 789CNY->578CNY CLEARANCE by nobody; no2 default batch 1 1000CNY->789CNY CLEARANCE by ann; no1 default none->1000CNY STAFF by ann
<Pool DEMO shelf=14 held=1 sold=30 void=0>

release b4 h5
----
Released h5 RELEASED
<Pool DEMO shelf=15 held=0 sold=30 void=0>

allocate b5 count=10
----
Held h6 [1-30 1-31 1-32 1-33 1-34 1-35 1-36 1-37 1-38 1-39] until 10090m at 578CNY
<Pool DEMO shelf=5 held=10 sold=30 void=0>

confirm b6 h6 paid=5780CNY
----
Confirmed h6 [1-30 1-31 1-32 1-33 1-34 1-35 1-36 1-37 1-38 1-39]
<Pool DEMO shelf=5 held=0 sold=40 void=0>

# They are gone, and the plan with them.

review
----
Reviewed warned=0 repriced=0 waiting=0
ClearanceEnded #1: its cards are gone
<Pool DEMO shelf=5 held=0 sold=40 void=0>

allocate b7
----
Held h7 [2-0] until 10090m at 1000CNY
<Pool DEMO shelf=4 held=1 sold=40 void=0>

offers
----
Prices default=1000CNY landed=800CNY rate=6315
<Pool DEMO shelf=4 held=1 sold=40 void=0>

