"""`make soak`: faults against the whole product, and the count of what was lost and of what arrived twice.

    partner.py    the receiving side, a process of its own that counts what it answered 200
    field.py      the sending side: an organization, its connectors, a source of numbered events, the oracle
    faults.py     kill, freeze, restart
    scenarios.py  one function for each fault of the plan (F1, F2, F3, F6, F7, F8, F9), its figures as arguments
    schedulers.py F4: several schedulers, killed and back; hasty_settings.py lets theirs tick twice a second
    clocks.py     F5: workers whose clocks are wrong, and jump; off_settings.py makes them so
    beside.py     more schedulers and workers, by the product's own command lines
    poison.py     a profile for F9 that fails, or ends its process; poisoned_settings.py registers it
    watch.py      samples of the workers' memory and descriptors, and of the sizes of the waiting table
    long.py       1,000,000 deliveries with 100 kills, and an hour of steady traffic

`make test` runs the same functions with smaller figures (tests/whole/test_guarantees.py).
"""
