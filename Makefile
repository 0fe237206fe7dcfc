# `make demo`, `make demo-scratch` and `make test` do all the set-up; nothing else is needed on Debian or Ubuntu with Python 3.11-3.13.
# EXTRAS adds optional dependencies: `make test EXTRAS=torch,faiss` also compares the networks with PyTorch and tests
# side indexes.
EXTRAS ?=
comma := ,
extras = train,test$(if $(EXTRAS),$(comma)$(EXTRAS))

.PHONY: demo demo-scratch docs test test-extras venv
demo:
	@scripts/venv.sh train
	@.venv/bin/python -m train demo --out demo

# Everything from nothing: half an hour.
demo-scratch:
	@scripts/venv.sh train
	@.venv/bin/python -m train demo-scratch --out demo-scratch

test: venv
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/pyright
	.venv/bin/python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile

# After `make test`, what the extras add to it: types again and, at the same time, the tests that were skipped.
test-extras:
	@scripts/venv.sh train,test,arrow,beam,browser,buckets,faiss,flow,hub,keras,lancedb,onnx,speech,tensorboard,torch,web
	.venv/bin/pyright & types=$$!; .venv/bin/python -m pytest --skipped; tests=$$?; wait $$types && exit $$tests

# The documentation as pages, in build/docs; a broken link fails.
docs:
	@scripts/venv.sh docs
	.venv/bin/mkdocs build --strict

venv:
	@scripts/venv.sh $(extras)
