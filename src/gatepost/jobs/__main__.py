"""`python -m gatepost.jobs`: the process that runs the jobs."""

from gatepost.jobs.process import main

main()
