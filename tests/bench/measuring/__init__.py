"""What `tests/bench/run` measures, one file per question; servers and programs are those of tests/integration/harness."""
