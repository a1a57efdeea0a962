"""The parts of tests/faults: a plan by seed, servers and programs to break, clients that write down what they saw, checkers.

    settings    where things lie; bounds
    processes   a child process that dies with the suite
    servers     Kafka, with a listener for each instance behind toxiproxy, and the schema registry
    proxies     toxiproxy's own interface
    instances   command-api processes and the small file systems under their checkpoints
    plan        which fault happens when: a function of the seed
    faults      carries a plan out
    http        an HTTP client that says of each attempt what became of it
    workload    which command a client sends next
    clients     sends them, repeats them, and writes the history
    history     reads it
    logbook     reads the log, independently of our C code
    checks      history against log
    linear      histories of streams for porcupine
    rounds      one round from start to findings
    stage       two instances and steps to direct them by
    mutants     the safeguards switched off, one by one
    report      the table
"""
