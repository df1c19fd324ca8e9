# An import that breaks off goes on where it was; no chunk is received twice, none is skipped.

open i1 file-a cost=100CNY
----
ImportReady batch=1 chunk=0 serial=0
<Pool DEMO shelf=0 held=0 sold=0 void=0>

chunk 1 chunk=0 serial=0 cards=3
----
Received chunk=1 serial=3
<Pool DEMO shelf=3 held=0 sold=0 void=0>

chunk 1 chunk=0 serial=0 cards=3
----
Received chunk=1 serial=3 before
<Pool DEMO shelf=3 held=0 sold=0 void=0>

# The importer starts again with the same file: the same batch, and where to go on.

open i2 file-a cost=100CNY
----
ImportReady batch=1 chunk=1 serial=3
<Pool DEMO shelf=3 held=0 sold=0 void=0>

chunk 1 chunk=2 serial=5 cards=2
----
IMPORT_OUT_OF_STEP nextChunk=1 nextSerial=3
<Pool DEMO shelf=3 held=0 sold=0 void=0>

chunk 1 chunk=1 serial=2 cards=2
----
IMPORT_OUT_OF_STEP nextChunk=1 nextSerial=3
<Pool DEMO shelf=3 held=0 sold=0 void=0>

chunk 1 chunk=1 serial=3 cards=2
----
Received chunk=2 serial=5
<Pool DEMO shelf=5 held=0 sold=0 void=0>

close 1
----
ImportWhole batch=1 chunk=2 serial=5 closed
<Pool DEMO shelf=5 held=0 sold=0 void=0>

close 1
----
ImportWhole batch=1 chunk=2 serial=5 closed
<Pool DEMO shelf=5 held=0 sold=0 void=0>

chunk 1 chunk=2 serial=5 cards=1
----
IMPORT_CLOSED
<Pool DEMO shelf=5 held=0 sold=0 void=0>

# Costs of one SKU are in one currency, once that is said.

configure t1 currency=CNY
----
Configured
<Pool DEMO shelf=5 held=0 sold=0 void=0>

open i3 file-b cost=100USD
----
COST_CURRENCY_MISMATCH expected=CNY
<Pool DEMO shelf=5 held=0 sold=0 void=0>

open i4 file-b cost=100CNY
----
ImportReady batch=2 chunk=0 serial=0
<Pool DEMO shelf=5 held=0 sold=0 void=0>

# What arrives in a quarantined batch waits with it; a voided batch takes nothing more.

quarantine q1 batch=2
----
Withdrawn moved=0 held=[] sold=[]
<Pool DEMO shelf=5 held=0 sold=0 void=0>

chunk 2 chunk=0 serial=0 cards=2
----
Received chunk=1 serial=2
<Pool DEMO shelf=7 held=0 sold=0 void=0>

batches
----
Batches 1:5/5 2:0/2
<Pool DEMO shelf=7 held=0 sold=0 void=0>

batches rows=1
----
Batches 1:5/5 more
<Pool DEMO shelf=7 held=0 sold=0 void=0>

void v1 batch=2
----
Withdrawn moved=2 held=[] sold=[]
<Pool DEMO shelf=5 held=0 sold=0 void=2>

chunk 2 chunk=1 serial=2 cards=2
----
IMPORT_CLOSED
<Pool DEMO shelf=5 held=0 sold=0 void=2>

chunk 3 chunk=0 serial=0 cards=2
----
BATCH_NOT_FOUND
<Pool DEMO shelf=5 held=0 sold=0 void=2>

close 3
----
BATCH_NOT_FOUND
<Pool DEMO shelf=5 held=0 sold=0 void=2>

sold 3
----
BATCH_NOT_FOUND
<Pool DEMO shelf=5 held=0 sold=0 void=2>
