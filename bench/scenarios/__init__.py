"""One file, one question. Each begins with what it asks and what a good answer is; `make bench` lists them."""
