"""Tools for adapters: build requests, read answers, tables of codes, signatures. Readers raise MalformedAnswer."""
