"""What `gatepost up` runs on one machine: the data folder, embedded PostgreSQL and the supervised processes.

Nothing here knows Django, settings or the other slices, so that the test-suite and the CLI can start a database before
anything else of Gatepost is loaded.
"""
