"""Every bound of the engine and its front ends, with its reason, and the asserts that tie them together.

A bound that an operator may choose per SKU lives in stock/terms.py; what stands here is what no
setting can exceed.
"""

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

#: Cards one hold may take. A journal record must stay small, and a cart of more is an import, not a sale.
cards_per_hold_max = 1_000

#: Items in one batch call (BatchAllocate and its kin): one message of well under gRPC's 4 MB.
batch_items_max = 1_000

#: Cards that the Allocates of one batch call may ask for together: an answer names each in 100 to 350 bytes, and
#: clients take messages of 4 MB. A longer answer would be thrown away after the cards are held.
batch_call_cards_max = 5_000

#: Characters of any id a caller makes (request_id, order_ref, payment_ref, principal parts).
#: Payment providers' numbers are 32–64 characters; twice that leaves room and bounds memory.
id_chars_max = 128

#: Characters of free text (titles, sources, reasons).
text_chars_max = 256

#: Bytes of one code, sealed or not: vouchers are below 100; `account----password` lines below 512.
code_chars_max = 512

#: A hold lasts between one second (shorter cannot be paid) and …
hold_for_ms_min = SECOND_MS

#: … a day: longer is a sale on credit, and would keep stock from others.
hold_for_ms_max = DAY_MS

#: How long a hold may live in all, however often it is extended.
hold_lifetime_ms_max = 7 * DAY_MS

#: A late payment may still take fresh cards for at most this long after the hold ended.
late_window_ms_max = 7 * DAY_MS

#: How long an answer is kept for its request_id. Payment providers redeliver for up to three days.
answers_keep_ms = 7 * DAY_MS

#: How long answers stay in the pool's memory before the archive holds them: a retry within
#: minutes must not cost a store read.
answers_in_memory_ms = 10 * MINUTE_MS

#: Holds that the sweep ends in one step, so that a mass expiry cannot stall a sale (about 3 ms).
expire_per_step_max = 1_000

#: How far a client's clock may run ahead before its time-ordered ids are no longer believed (twelve bits of the sieve
#: each). Clocks that are kept by NTP agree within 0.1 s. An id younger than the oldest answer in memory by less than
#: this costs a look-up, so a sale must not be so fast that its memory reaches back no further.
clock_ahead_ms_max = SECOND_MS

#: Cards in one import chunk: one journal record of about 64 KB, sealed in about 3 ms.
chunk_cards_max = 1_000

#: Cards of one batch: serials are 32 bits; a tenth of that is more than any supplier's file.
batch_cards_max = 400_000_000

#: Allocates of one SKU that may wait for cards: what a rush brings in a second or two. Each is about 1 KB, and is
#: looked at when cards come.
wait_max = 10_000

#: Minor units of any amount: nine digits of major units, far below 2**53 for JSON readers.
money_minor_max = 10**11

#: Rows of one page of a listing.
page_rows_max = 1_000

assert hold_for_ms_min < hold_for_ms_max <= hold_lifetime_ms_max
assert cards_per_hold_max <= batch_call_cards_max
assert answers_in_memory_ms < answers_keep_ms
assert late_window_ms_max <= answers_keep_ms, "a late confirm must still find its first answer"
assert chunk_cards_max <= batch_cards_max < 2**32

#: The longest remaining life a caller may demand of a card: a century, to keep sums within 64 bits.
life_ms_max = 100 * 365 * DAY_MS

#: Bytes of a card file without a line break: no line of cards is near this, so it is some other file.
card_line_bytes_max = 1 << 20

#: Bytes of a workbook, which is read into memory at once: a sheet of 1,048,576 cards is below 40 MB.
workbook_bytes_max = 64 << 20

#: Refused lines an import report lists; all are counted. Nobody reads more, and they are kept in memory.
refused_lines_listed_max = 1_000

#: Sales channels of one SKU that have a price of their own: a shop has a few, and each is looked at in each review.
price_channels_max = 64

#: Price changes a pool keeps for who asks; all of them are in its journal. About 150 KB.
price_changes_kept_max = 1_000

#: Days by which a pool keeps how much it sold, for the rate that clearance and pressure go by.
sales_days_kept = 28

#: Days over which the rate of sale is measured: a week has each weekday once.
rate_days = 7

#: Steps of one expiry ladder, each at most a year before the end.
warn_steps_max = 8
warn_days_max = 366

#: Warnings of one review, and moves of prices; the next goes on. Each is an event of about 40 bytes.
findings_per_review_max = 100

#: Lots that a look at what ends goes through, the first to end first: about 6 ms. A batch has one for each moment at
#: which cards of it end, which are days most often; what comes after so many is looked at when those are gone.
lots_per_look_max = 5_000

#: Past sales one simulation takes: a front end goes through them in about 10 ms, and sells nothing meanwhile.
simulated_sales_max = 2_000

#: How old a rate of exchange may be to buy by: currencies that shops buy in move by a few per cent a week, which is
#: what is earned on a card.
rate_age_max_ms = 7 * DAY_MS

#: How far ahead a rate may be entered, and how far back: further is a slip of the finger in the date.
rate_ahead_max_ms = 31 * DAY_MS
rate_back_max_ms = 366 * DAY_MS

#: How far a rate may be from the one before, in per cent, before it must be said twice. A slip in the point is 900.
rate_jump_max_percent = 20

#: Rates kept of one pair of currencies, and pairs of one tenant: a year and more of daily ones, about 100 bytes each.
#: All of them are read when one changes: the 800 of two pairs in 8 ms, the most there can be in 100 ms.
rates_kept_max = 400
rate_pairs_max = 32

assert rate_days < sales_days_kept

#: Lines of a card file looked at before its delimiter and columns are decided.
sample_lines_max = 200
